"""Parts of a designed library and how they become an order: one row per sequence, one table per subset.

Inputs: sequences of each subset as codes. Outputs: ids, amplicons, and subset tables in the layout of the Random
Promoter DREAM Challenge (``test_subset_ids``), which scoring reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.simulate.bases import decode, with_flanks


@dataclass(frozen=True)
class Part:
    """Sequences of one subset.

    Attributes
    ----------
    tags : list of str
        Names, one per sequence.
    variable : uint8 array, (n, length)
        Codes.
    alt, ref : int arrays, (pairs,)
        Rows of changed and of original sequences; empty where the subset holds single sequences.
    """

    tags: list[str]
    variable: np.ndarray
    alt: np.ndarray
    ref: np.ndarray

    @property
    def paired(self) -> bool:
        """Whether the subset compares pairs."""
        return len(self.alt) > 0


@dataclass(frozen=True)
class DesignedLibrary:
    """Ordered sequences and their subsets.

    Attributes
    ----------
    ids : list of str
        Names in the order of the library.
    amplicons : uint8 array, (n, width)
        Codes with flanks.
    subsets : dict of DataFrame
        Tables by the name of the challenge's file, without its index column and suffix.
    """

    ids: list[str]
    amplicons: np.ndarray
    subsets: dict[str, pd.DataFrame]


def singles(tags: Sequence[str], variable: np.ndarray) -> Part:
    """Part without pairs."""
    none = np.empty(0, dtype=np.int64)
    return Part(list(tags), variable, none, none)


def pairs(references: Sequence[str], variants: Sequence[Sequence[str]], ref: np.ndarray, alt: np.ndarray) -> Part:
    """References, and the same number of variants of each; ``alt`` is (references, variants, length)."""
    n, each, length = alt.shape
    tags = [*references, *(f"{r}_{v}" for r, row in zip(references, variants, strict=True) for v in row)]
    variable = np.concatenate([ref, alt.reshape(-1, length)])
    return Part(tags, variable, n + np.arange(n * each), np.repeat(np.arange(n), each))


def assemble(
    rng: np.random.Generator, parts: Mapping[str, Sequence[Part]], distal: str, proximal: str
) -> DesignedLibrary:
    """Put the parts of all subsets into one library.

    Parameters
    ----------
    rng : Generator
        Shuffles the library.
    parts : mapping of list of Part
        By the name of the challenge's file.
    distal, proximal : str
        Flanks of the variable part.

    Returns
    -------
    DesignedLibrary
        Different sequences in random order. A sequence that two designs share stands once and belongs to both subsets;
        a pair whose members are equal is left out.
    """
    flat = [part for group in parts.values() for part in group]
    tags = [tag for part in flat for tag in part.tags]
    variable = np.concatenate([part.variable for part in flat])
    _, first, same = np.unique(variable, axis=0, return_index=True, return_inverse=True)
    order = rng.permutation(first)
    row_of_first = np.empty(len(variable), dtype=np.int64)
    row_of_first[order] = np.arange(len(order))
    row = row_of_first[first[same.ravel()]]
    ids, amplicons = [tags[i] for i in order.tolist()], with_flanks(variable[order], distal, proximal)
    sequences = decode(amplicons)

    subsets, done = {}, 0
    for name, group in parts.items():
        tables = []
        for part in group:
            rows = row[done : done + len(part.tags)]
            done += len(part.tags)
            tables.append(_pair_table(rows, part) if part.paired else pd.DataFrame({"pos": np.unique(rows)}))
        subsets[name] = _with_sequences(pd.concat(tables, ignore_index=True), ids, sequences)
    return DesignedLibrary(ids, amplicons, subsets)


def _pair_table(rows: np.ndarray, part: Part) -> pd.DataFrame:
    pairs = pd.DataFrame({"alt_pos": rows[part.alt], "ref_pos": rows[part.ref]}).drop_duplicates()
    return pairs[pairs["alt_pos"] != pairs["ref_pos"]]


def _with_sequences(table: pd.DataFrame, ids: list[str], sequences: list[str]) -> pd.DataFrame:
    """Table in the challenge's columns; measured values are not known yet and stay empty."""
    names, strings = np.array(ids, dtype=object), np.array(sequences, dtype=object)
    sides = ("alt_", "ref_") if "alt_pos" in table else ("",)
    columns = {f"{side}tag": names[table[f"{side}pos"]] for side in sides}
    columns |= {f"{side}sequence": strings[table[f"{side}pos"]] for side in sides}
    columns |= {f"{side}pos": table[f"{side}pos"] for side in sides}
    columns |= {f"{side}exp": "" for side in sides}
    return pd.DataFrame(columns)
