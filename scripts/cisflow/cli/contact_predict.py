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
    from cisflow.variants.contact_views import ExpectedContacts
    from cisflow.variants.region_maps import SUFFIXES, predict_regions, sequence_regions, write_region_maps
    from cisflow.variants.screen_input import outside_problems, read_regions

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
        genome, (model,) = shown.load(choose_device(given.device))
        if model.placer.assembled:
            what = "a model of inputs of several chromosomes; expected one whose window is a stretch of one"
            raise InputError(Problem(name, what))
        if given.sequences:
            regions = sequence_regions(genome.lengths, model.placer.ladder.length, given.sequences)
        else:
            regions = read_regions(given.intervals)
            if problems := outside_problems(regions, genome.lengths, "disruption", given.intervals):
                raise InputError(problems)
        curve = ExpectedContacts.read(expected[name]) if name in expected else None
        found = predict_regions(model, regions, curve)
    write_region_maps(given.output, found, regions, genome.lengths, f"predicted by {name}")
    logger.info("%s regions at %d levels", f"{len(regions):,}", len(found.levels))
