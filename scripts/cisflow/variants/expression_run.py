"""Variants in sequences from files to a table: the function behind the command and the rule.

Inputs: bundles of expression models, a VCF file, constructs or intervals of a genome. Outputs: the table of effects, on
request the VCF file with the effects; a killed run continues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cisflow.code_digest import code_hash
from cisflow.contacts.genome import Genome
from cisflow.contacts.names import read_rename_table
from cisflow.files import TableWriter, sha256
from cisflow.interpret.tables import load_models
from cisflow.parts import Parts
from cisflow.training.bundle import RECIPE, WEIGHTS
from cisflow.training.state import state_key
from cisflow.variants.annotate import annotate
from cisflow.variants.expression import COLUMNS, variant_effects
from cisflow.variants.sequences import Place
from cisflow.variants.sequences import constructs as read_constructs
from cisflow.variants.sequences import intervals as read_intervals
from cisflow.variants.vcf_names import file_names

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Shown:
    """What expression models are shown: constructs, or intervals of a genome.

    Attributes
    ----------
    constructs : path, optional
        FASTA or table; CHROM of the variants names one.
    intervals, genome : path, optional
        BED file and FASTA.
    ends : (str, str)
        Constant bases in front of and behind every sequence.
    rename : path, optional
        Table of names in the genome by other names, for a VCF file, see :func:`cisflow.variants.vcf_names.translate`.
    """

    constructs: str | Path | None = None
    intervals: str | Path | None = None
    genome: str | Path | None = None
    ends: Sequence[str] = ("", "")
    rename: str | Path | None = None

    def places(self) -> list[Place]:
        """Sequences with their place."""
        return read_constructs(self.constructs) if self.constructs else read_intervals(self.intervals, self.genome)

    def names(self, vcf: str | Path) -> dict[str, str]:
        """Names of the genome for those of a VCF file that differ; constructs are named as they are."""
        if self.constructs:
            return {}
        return file_names(vcf, Genome(self.genome, ()).lengths, read_rename_table(self.rename) if self.rename else None)


def _made_of(
    bundles: Mapping[str, Sequence[str | Path]], shown: Shown, vcf: str | Path, places: Sequence[Place]
) -> dict[str, Any]:
    """What a table depends on."""
    models = {
        name: [[sha256(Path(folder) / file) for file in (WEIGHTS, RECIPE)] for folder in folders]
        for name, folders in bundles.items()
    }
    shows = [(place.name, place.chromosome, place.start, place.strand, place.bases) for place in places]
    rename = None if shown.rename is None else sha256(shown.rename)
    return {"models": models, "places": shows, "ends": list(shown.ends), "rename": rename, "vcf": sha256(vcf)}


def run_expression_variants(
    bundles: Mapping[str, Sequence[str | Path]],
    vcf: str | Path,
    shown: Shown,
    output: str | Path,
    state: str | Path,
    device: torch.device | str = "cpu",
    annotated: str | Path | None = None,
    shard: tuple[int, int] = (0, 1),
) -> Counter[str]:
    """Predict every allele of a VCF file and write the table of effects.

    Parameters
    ----------
    bundles : mapping of str to sequence of path
        Replicates of each model.
    vcf : path
    shown : Shown
    output : path
        Table, see :data:`~cisflow.variants.expression.COLUMNS`; whole or absent.
    state : path
        Folder of the finished blocks of an unfinished run.
    device : torch.device or str
    annotated : path, optional
        Output: the VCF file with the effects in INFO.
    shard : (int, int)
        See :func:`~cisflow.variants.expression.variant_effects`.

    Returns
    -------
    Counter
        Alleles (in sequences) by status.
    """
    places = shown.places()
    made_of = {
        **_made_of(bundles, shown, vcf, places),
        "shard": list(shard),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "code": code_hash(Path(__file__)),
    }
    parts = Parts(state, state_key(made_of))
    left, right = (bases.upper() for bases in shown.ends)
    models = load_models(bundles, device)
    for block in variant_effects(models, places, vcf, left, right, shown.names(vcf), shard, parts.done):
        parts.append(block, 1)
    counts: Counter[str] = Counter()
    with TableWriter(output, COLUMNS) as writer:

        def written() -> Iterator[pl.DataFrame]:
            for block in parts.tables():
                writer.write(block)
                counts.update(block.filter(model=next(iter(models)))["status"].to_list())
                yield block

        if annotated is not None:
            annotate(vcf, written(), annotated)
        else:
            for _ in written():
                pass
    parts.remove()
    return counts
