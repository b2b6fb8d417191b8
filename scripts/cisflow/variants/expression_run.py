"""Variants in sequences from files to a table: the function behind the rules.

Inputs: bundles of expression models, a VCF file, constructs or intervals of a genome. Outputs: the table of effects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from cisflow.files import TableWriter
from cisflow.interpret.tables import load_models
from cisflow.variants.expression import COLUMNS, variant_effects
from cisflow.variants.sequences import constructs as read_constructs
from cisflow.variants.sequences import intervals as read_intervals


def run_expression_variants(
    bundles: Mapping[str, Sequence[str | Path]],
    vcf: str | Path,
    output: str | Path,
    device: torch.device | str = "cpu",
    constructs: str | Path | None = None,
    intervals: str | Path | None = None,
    genome: str | Path | None = None,
    ends: Sequence[str] = ("", ""),
) -> Counter[str]:
    """Predict every allele of a VCF file and write the table of effects.

    Parameters
    ----------
    bundles : mapping of str to sequence of path
        Replicates of each model.
    vcf, output : path
    device : torch.device or str
    constructs, intervals, genome : path, optional
        What the models are shown: constructs, or intervals of a genome.
    ends : (str, str)
        Constant bases in front of and behind every sequence.

    Returns
    -------
    Counter
        Alleles (in sequences) by status.
    """
    places = read_constructs(constructs) if constructs else read_intervals(intervals, genome)
    counts: Counter[str] = Counter()
    left, right = (bases.upper() for bases in ends)
    models = load_models(bundles, device)
    with TableWriter(output, COLUMNS) as writer:
        for block in variant_effects(models, places, vcf, left, right, counts=counts):
            writer.write(block)
    return counts
