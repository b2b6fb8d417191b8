"""In-silico saturation mutagenesis: what every single-base substitution does to a prediction.

Inputs: trained models and sequences. Outputs: one row per model, sequence, position and substitution, made block by
block, so that memory does not grow with the sequences. Source of the method: Rafi et al. 2024: every position is
replaced by the three other bases; the score of a substitution is prediction(mutant) - prediction(original), that of a
position the mean of the three.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

from cisflow.interpret.effects import EFFECTS
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress

BASES = "ACGT"
#: Predictions that are asked for at once; many batches of the models, so that those are full.
BLOCK = 1 << 14
_LETTERS = np.frombuffer(BASES.encode(), dtype=np.uint8)


class Predictor(Protocol):
    """Anything that predicts one number per sequence."""

    def predict(self, sequences: Sequence[str]) -> np.ndarray:
        """Predict, float64 (n,)."""


def substitutions(sequence: str, start: int = 0, end: int | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """All single-base substitutions of a sequence, by position, then A, C, G, T.

    Parameters
    ----------
    sequence : str
        A, C, G, T, N in upper case; an N is no base that could be replaced, its position is left out.
    start, end : int
        Positions to change, 0-based half-open.

    Returns
    -------
    position : int64 array, (m,)
    substitution : uint8 array, (m,)
        Letter put in, as its ASCII code.
    mutants : list of str, m
        Three per position.
    """
    letters = np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)
    scanned = np.arange(len(letters))[start:end]
    position, new = (grid.ravel() for grid in np.meshgrid(scanned, _LETTERS, indexing="ij"))
    wanted = (letters[position] != new) & np.isin(letters[position], _LETTERS)
    position, new = position[wanted], new[wanted]
    text = np.tile(letters, (len(position), 1))
    text[np.arange(len(position)), position] = new
    return position, new, text.view(f"S{len(letters)}").ravel().astype(str).tolist() if len(position) else []


def _blocks(sequences: Mapping[str, str], start: int, end: int | None) -> Iterator[list[tuple[str, Any]]]:
    """Sequences with their substitutions, as many as make a block."""
    block: list[tuple[str, Any]] = []
    size = 0
    for name, sequence in sequences.items():
        found = substitutions(sequence, start, end)
        if block and size + len(found[2]) + 1 > BLOCK:
            yield block
            block, size = [], 0
        block.append((name, found))
        size += len(found[2]) + 1
    if block:
        yield block


def mean_prediction(replicates: Sequence[Predictor], sequences: Sequence[str]) -> np.ndarray:
    """Mean over the replicates of a model, float64 (n,)."""
    return np.mean([model.predict(sequences) for model in replicates], axis=0)


def saturation_mutagenesis(
    models: Mapping[str, Sequence[Predictor]],
    sequences: Mapping[str, str],
    start: int = 0,
    end: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Effects of all single-base substitutions.

    The models predict as they always do (both strands and shifted copies where they have them); with replicates the
    mean of their predictions is taken.

    Parameters
    ----------
    models : mapping of list of Predictor by name
        Replicates of each model.
    sequences : mapping of str by id
        In the form that the models were trained on; upper case.
    start, end : int
        Positions to change, 0-based half-open; all without them.

    Yields
    ------
    polars.DataFrame
        Columns of :data:`cisflow.interpret.effects.EFFECTS`: ``position`` 0-based, ``base`` in the sequence,
        ``substitution`` put in,
        ``prediction`` of the mutant, ``effect`` = that minus the prediction of the sequence. Positions that hold an N
        are left out.

    Raises
    ------
    InputError
        With every model and sequence for which there is no prediction (a length that the model is not for).
    """
    progress = Progress("mutagenesis", len(models) * len(sequences), "sequences")
    for block in _blocks(sequences, start, end):
        counts = [len(mutants) for _, (_, _, mutants) in block]
        asked = [sequences[name] for name, _ in block] + [text for _, (_, _, mutants) in block for text in mutants]
        position = np.concatenate([found[0] for _, found in block])
        names = np.repeat([name for name, _ in block], counts)
        base = [sequences[name][p] for name, p in zip(names, position, strict=True)]
        new = np.concatenate([found[1] for _, found in block]).view("S1").astype(str)
        for model, replicates in models.items():
            predicted = mean_prediction(replicates, asked)
            original, mutant = predicted[: len(block)], predicted[len(block) :]
            refused = [name for (name, _), value in zip(block, original, strict=True) if not np.isfinite(value)]
            if refused:
                raise InputError(
                    [
                        Problem(
                            "sequences", f"{model} has no prediction for {name!r} of {len(sequences[name])} bases", None
                        )
                        for name in refused[:20]
                    ]
                )
            yield pl.DataFrame(
                {
                    "model": pl.Series([model] * len(mutant), dtype=pl.String),
                    "id": names,
                    "position": position,
                    "base": base,
                    "substitution": new,
                    "prediction": mutant,
                    "effect": mutant - np.repeat(original, counts),
                },
                schema=EFFECTS,
            )
            progress.advance(len(block))
    progress.write()
