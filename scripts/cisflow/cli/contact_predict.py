"""Contact models in ``cisflow predict``: maps of regions of a genome, or of sequences.

Inputs: bundles of one contact model, a genome with intervals or a FASTA file of windows, expected contacts. Outputs:
``.mcool``, ``.cool`` or ``.npz``.
"""

from __future__ import annotations

import argparse

from cisflow.cli.bundles import expected_by_model, named_bundles
from cisflow.cli.contact_variants import wrong_options
from cisflow.problems import InputError, Problem, not_one_of


def run(given: argparse.Namespace) -> None:
    """Predict maps with a contact model."""
    from cisflow.devices import choose_device
    from cisflow.joblog import logger
    from cisflow.training.numerics import reproducible_numerics
    from cisflow.variants.contact_run import ContactInput
    from cisflow.variants.region_maps import SUFFIXES, predict_asked, write_region_maps

    bundles, problems = named_bundles(given.models), wrong_options(given, ("left", "right"), "contacts")
    if len(bundles) > 1:
        problems.append(Problem("models", f"{', '.join(bundles)}; expected bundles of one contact model"))
    if not given.output.endswith(SUFFIXES):
        suffix = "." + given.output.rpartition(".")[2]
        problems.append(Problem("--output", f"contact maps: {not_one_of(suffix, SUFFIXES)}"))
    if problems:
        raise InputError(problems)
    (name,) = bundles
    expected = expected_by_model(given.expected, list(bundles))
    shown = ContactInput(given.genome or given.sequences, bundles, expected)
    with reproducible_numerics(given.threads):
        found, regions, lengths = predict_asked(shown, given.intervals, given.sequences, choose_device(given.device))
    write_region_maps(given.output, found, regions, lengths, f"predicted by {name}")
    logger.info("%s regions at %d levels", f"{len(regions):,}", len(found.levels))
