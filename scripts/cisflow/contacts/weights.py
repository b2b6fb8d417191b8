"""Balancing weights that a file brings along: which column, and whether to multiply with it or to divide by it.

Inputs: a file of contacts and the cell ``weights`` of the contact maps sheet. Outputs: multiplicative weights.
Source of the defaults: cooler 0.11 and hic2cool (``KR``, ``VC``, ``VC_SQRT`` are divided by); normalisation vectors of
.hic files always are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from cisflow.contacts.formats import DIVISIVE, ContactFile, group_of
from cisflow.contacts.hic_files import hic_weights
from cisflow.contacts.names import Chromosome
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of

BALANCE = "balance"
KINDS = ("divisive", "multiplicative")


@dataclass(frozen=True)
class WantedWeights:
    """What the sheet asks for.

    Attributes
    ----------
    name : str
        Column or normalisation; empty: ``weight`` where the file has it complete, else balance; ``balance``: balance
        in any case.
    kind : str
        ``divisive``, ``multiplicative``, or empty for what is usual for the name.
    """

    name: str = ""
    kind: str = ""


def parse_weights(text: str | None) -> WantedWeights:
    """Read the cell ``weights``: ``NAME`` or ``NAME:divisive`` or ``NAME:multiplicative``.

    Raises
    ------
    ValueError
        For another word behind the colon.
    """
    name, _, kind = (text or "").partition(":")
    if kind and kind not in KINDS:
        raise ValueError(f"{not_one_of(kind, KINDS)}")
    return WantedWeights(name.strip(), kind)


def weights_problem(contacts: ContactFile, resolution: int, wanted: WantedWeights, base: int | None = None) -> str:
    """What is wrong with the weights asked for at a bin size summed from ``base``; empty when they are there."""
    if wanted.name in ("", BALANCE):
        return ""
    base, factor = contacts.choose(resolution, base)
    if factor > 1:
        return (
            f"weights {wanted.name!r} are not to be had at {resolution:,} bp, which the file is not read at: bins are "
            f"summed and must be balanced anew (leave `weights` empty, or `{BALANCE}`)"
        )
    there = contacts.weights(base)
    if wanted.name not in there:
        return (
            f"no weights {wanted.name!r} at {resolution:,} bp; there are {', '.join(there) or 'none'} (or `{BALANCE}`)"
        )
    if contacts.kind == "hic" and wanted.kind == "multiplicative":
        return "normalisation vectors of .hic files are divided by; leave out `:multiplicative`"
    return ""


def _read(contacts: ContactFile, resolution: int, name: str, kind: str) -> np.ndarray:
    """Multiplicative weights of all bins of a file, NaN where there are none."""
    if contacts.kind == "hic":
        return hic_weights(contacts.path, resolution, name)
    with h5py.File(contacts.path, "r") as handle:
        weights = handle[group_of(contacts.addresses[resolution])]["bins"][name][:].astype(np.float64)
    if (kind or ("divisive" if name in DIVISIVE else "multiplicative")) == "divisive":
        with np.errstate(divide="ignore"):
            weights = 1 / weights
    return np.where(np.isfinite(weights) & (weights > 0), weights, np.nan)


def given_weights(
    contacts: ContactFile, resolution: int, wanted: WantedWeights, chromosomes: Sequence[Chromosome]
) -> np.ndarray | None:
    """Weights of a file for the kept chromosomes.

    Parameters
    ----------
    contacts : ContactFile
    resolution : int
        Bin size (bp), one that the file holds.
    wanted : WantedWeights
    chromosomes : sequence of Chromosome
        In the order of the prepared map.

    Returns
    -------
    float64 array, (bins,), or None
        Multiplicative. None when the map is to be balanced: asked for, or nothing was asked for and the file has no
        column ``weight``, or one that is empty for a whole chromosome.

    Raises
    ------
    InputError
        When weights are asked for by name that are not there, or are empty for a whole chromosome.
    """
    if wanted.name == BALANCE or (not wanted.name and "weight" not in contacts.weights(resolution)):
        return None
    problem = weights_problem(contacts, resolution, wanted)
    if problem:
        raise InputError(Problem(contacts.path, problem, column="weights"))
    weights = _read(contacts, resolution, wanted.name or "weight", wanted.kind)
    first, kept = 0, {}
    for name, length in contacts.chromosomes(resolution).items():
        kept[name] = weights[first : first - (-length // resolution)]
        first += -(-length // resolution)
    empty = [c.name for c in chromosomes if not np.isfinite(kept[c.cooler_name]).any()]
    if empty and wanted.name:
        what = f"weights {wanted.name!r} have no value on {', '.join(empty)}; drop them by the rename table, or balance"
        raise InputError(Problem(contacts.path, what, column="weights"))
    if empty:
        logger.info("the weights of the file are incomplete (none for %s): balancing anew", ", ".join(empty))
        return None
    return np.concatenate([kept[c.cooler_name] for c in chromosomes])
