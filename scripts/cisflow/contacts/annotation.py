"""Genes, peaks and signals of regions, for the tracks under contact maps.

Inputs: GTF, GFF3 or BED files (plain or gzip), bigWig files. Outputs: tables of features, means per bin.
Coordinates are 0-based and half-open everywhere (GTF and GFF3 are converted). Files are read in blocks of rows, so that
memory does not grow with the annotation.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.contacts.intervals import FARTHEST, NO_INTERVAL
from cisflow.contacts.regions import Region
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.user_files import UNREADABLE, why_unreadable

ROWS = 200_000
MOST_COLUMNS = 24  # of any kind of BED file
COLUMNS = ["chromosome", "start", "end", "name", "strand"]
#: Rows of GTF and GFF3 that say where genes lie, best first: the first kind that a file has is used.
FEATURES = {"gene": 0, "transcript": 1, "mRNA": 1, "exon": 2}
#: Attributes that name a gene in GTF (``key "value"``) and GFF3 (``key=value``), best first.
GTF_NAMES = (r'gene_name "([^"]*)"', r'gene_id "([^"]*)"')
GFF_NAMES = (r"(?:^|;)\s*(?:Name|gene_name|gene)=([^;]*)", r"(?:^|;)\s*(?:ID|Parent)=([^;]*)")


def _blocks(path: Path, columns: dict[int, str]) -> Iterator[pd.DataFrame]:
    """Blocks of rows with some columns, named; columns that a file does not have are empty."""
    try:
        for block in pd.read_csv(
            path,
            sep="\t",
            header=None,
            names=range(MOST_COLUMNS),
            dtype=str,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,  # so that the index of a row is its line
            chunksize=ROWS,
        ):
            kept = ~block[0].fillna("#").str.match(NO_INTERVAL)
            yield block.loc[kept, list(columns)].rename(columns=columns)
    except UNREADABLE as error:
        raise InputError(Problem(str(path), f"{why_unreadable(error)}; expected a file of intervals")) from None
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(Problem(str(path), f"not a tab-separated file of intervals: {error}")) from None


def _whole_numbers(path: Path, block: pd.DataFrame, shift: int) -> pd.DataFrame:
    """Starts and ends as numbers; ``shift`` 1 for files that count from 1."""
    start, end = (pd.to_numeric(block[name], errors="coerce") for name in ("start", "end"))
    inside = (start >= shift) & (end > start - shift) & (end <= FARTHEST)
    wrong = ~(inside & (start % 1 == 0) & (end % 1 == 0))
    if wrong.any():
        found = block[wrong].head(10)
        expected = f"whole numbers with {shift} <= start {'<=' if shift else '<'} end"
        raise InputError(
            [
                Problem(str(path), f"interval {row.start} to {row.end}; expected {expected}", row=int(row.Index) + 1)
                for row in found.itertuples()
            ]
        )
    return block.assign(start=start.astype(np.int64) - shift, end=end.astype(np.int64))


def _first_match(text: pd.Series, patterns: Sequence[str]) -> pd.Series:
    """First group of the first pattern that matches; empty where none does."""
    found = pd.Series(pd.NA, index=text.index, dtype="object")
    for pattern in patterns:
        found = found.where(found.notna(), text.str.extract(pattern, expand=False))
    return found.fillna("")


def _genes_of_gtf(path: Path, chromosomes: Collection[str], patterns: Sequence[str]) -> pd.DataFrame:
    names = {0: "chromosome", 2: "feature", 3: "start", 4: "end", 6: "strand", 8: "attributes"}
    keys, parts = ["rank", "chromosome", "name", "strand"], []
    seen: set[str] = set()
    for block in _blocks(path, names):
        seen.update(block["chromosome"].dropna().unique())
        block = block[block["chromosome"].isin(chromosomes) & block["feature"].isin(list(FEATURES))]
        if block.empty:
            continue
        block = _whole_numbers(path, block, 1)
        block = block.assign(
            rank=block["feature"].map(FEATURES), name=_first_match(block["attributes"].fillna(""), patterns)
        )
        parts.append(block.groupby(keys, sort=False, as_index=False).agg(start=("start", "min"), end=("end", "max")))
    _warn_of_names(path, chromosomes, seen)
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts).groupby(keys, sort=False, as_index=False).agg(start=("start", "min"), end=("end", "max"))
    return table[table["rank"] == table["rank"].min()][COLUMNS]


def _features_of_bed(path: Path, chromosomes: Collection[str]) -> pd.DataFrame:
    names = {0: "chromosome", 1: "start", 2: "end", 3: "name", 5: "strand"}
    parts, seen = [], set()
    for block in _blocks(path, names):
        seen.update(block["chromosome"].dropna().unique())
        block = block[block["chromosome"].isin(chromosomes)]
        if len(block):
            parts.append(_whole_numbers(path, block, 0))
    _warn_of_names(path, chromosomes, seen)
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(parts).fillna({"name": "", "strand": "."})[COLUMNS]


def _warn_of_names(path: Path, chromosomes: Collection[str], seen: Collection[str]) -> None:
    absent = sorted(set(chromosomes) - set(seen))
    if absent:
        there = ", ".join(sorted(seen)[:10])
        logger.warning("%s: nothing on %s; its chromosomes are %s", path, ", ".join(absent), there or "none")


def read_features(path: str | Path, regions: Sequence[Region]) -> pd.DataFrame:
    """Genes or intervals that share a base with any of the regions.

    Parameters
    ----------
    path : path
        GTF (``.gtf``), GFF3 (``.gff``, ``.gff3``) or BED, plain or ``.gz``. Of GTF and GFF3 the rows of genes are
        used; where there are none transcripts, or exons, from the first to the last base of a gene.
    regions : sequence of Region

    Returns
    -------
    DataFrame
        ``chromosome, start, end, name, strand`` (``+``, ``-`` or ``.``), by position. Chromosomes that the file does
        not have are told in the log.

    Raises
    ------
    InputError
        When the file is none of these, or has coordinates that are no whole numbers.
    """
    path = Path(path)
    chromosomes = {region.chromosome for region in regions}
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix in (".gtf", ".gff", ".gff3"):
        table = _genes_of_gtf(path, chromosomes, GTF_NAMES if suffix == ".gtf" else GFF_NAMES)
    else:
        table = _features_of_bed(path, chromosomes)
    touched = np.zeros(len(table), dtype=bool)
    for region in regions:
        inside = (table["start"] < region.end) & (table["end"] > region.start)
        touched |= (inside & (table["chromosome"] == region.chromosome)).to_numpy(dtype=bool)
    return table[touched].sort_values(["chromosome", "start", "end"], kind="stable", ignore_index=True)


def signal_means(path: str | Path, region: Region, bins: int) -> np.ndarray:
    """Mean signal of a bigWig file in equal bins of a region.

    Returns
    -------
    float64 array, (bins,)
        NaN where the file has no values; all NaN, told in the log, when it does not have the chromosome.

    Raises
    ------
    InputError
        When the file is no bigWig file.
    """
    import pyBigWig

    try:
        with pyBigWig.open(str(path)) as file:
            lengths = file.chroms()
            if region.chromosome not in lengths:
                there = ", ".join(list(lengths)[:10])
                logger.warning("%s: nothing on %s; its chromosomes are %s", path, region.chromosome, there)
                return np.full(bins, np.nan)
            edges = np.linspace(region.start, region.end, bins + 1).round().astype(int)
            end = min(region.end, lengths[region.chromosome])
            found = np.full(bins, np.nan)
            inside = int(np.searchsorted(edges, end, side="left"))  # bins that begin before the chromosome's end
            if inside and region.start < end:
                whole = inside if edges[inside] == end else inside - 1
                if whole:
                    values = file.stats(region.chromosome, region.start, int(edges[whole]), nBins=whole, exact=True)
                    found[:whole] = np.array(values, dtype=float)
                if whole < inside:
                    found[whole] = file.stats(region.chromosome, int(edges[whole]), end, exact=True)[0]
            return found
    except RuntimeError as error:
        raise InputError(Problem(str(path), f"cannot be read as a bigWig file: {error}")) from None
