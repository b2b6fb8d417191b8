"""Single-base variants of sequences: trajectories that raise or lower the prediction, and random substitutions.

Inputs: starting sequences and a function that predicts. Outputs: parts of pairs that differ in one base. Source of the
trajectories: Vaishnav et al. 2022: strong selection and weak mutation, every step the best of all substitutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cisflow.design.genetic import Predict
from cisflow.design.parts import Part, pairs
from cisflow.simulate.bases import LETTERS


def all_substitutions(codes: np.ndarray) -> np.ndarray:
    """All single-base substitutions, uint8 (n, 3 * length, length), by place and then base."""
    length = codes.shape[1]
    changed = np.repeat(codes[:, None], 3 * length, axis=1)
    place = np.repeat(np.arange(length), 3)
    changed[:, np.arange(3 * length), place] = (codes[:, place] + np.tile([1, 2, 3], length)) % 4
    return changed


def _change(before: np.ndarray, after: np.ndarray) -> list[str]:
    """Names of single substitutions, as ``A12G`` (0-based place)."""
    place = (before != after).argmax(axis=1)
    rows = np.arange(len(before))
    letters = [LETTERS[codes[rows, place]].tobytes().decode() for codes in (before, after)]
    return [f"{old}{at}{new}" for old, at, new in zip(letters[0], place.tolist(), letters[1], strict=True)]


def trajectories(predict: Predict, tags: Sequence[str], starts: np.ndarray, steps: int, sign: int) -> Part:
    """Walk from each start by the substitution that raises (lowers) the prediction most; pairs of successive steps.

    Parameters
    ----------
    predict : callable
    tags : sequence of str
        Names of the starts.
    starts : uint8 array, (n, length)
    steps : int
    sign : {1, -1}

    Returns
    -------
    Part
        Tags ``{start}_{up or down}_ED{k}``: ``k`` substitutions from the start on; a walk ends where nothing is better.
    """
    n, length = starts.shape
    current, value = starts.copy(), np.asarray(predict(starts))
    row = np.arange(n)  # of the last step of each walk
    walking = np.arange(n)
    sequences, names, alt, ref, total = [starts], list(tags), [], [], n
    for step in range(1, steps + 1):
        tried = all_substitutions(current[walking])
        predicted = np.asarray(predict(tried.reshape(-1, length))).reshape(len(walking), -1)
        best = (sign * predicted).argmax(axis=1)
        reached = predicted[np.arange(len(walking)), best]
        better = sign * reached > sign * value[walking]
        walking, best, reached, tried = walking[better], best[better], reached[better], tried[better]
        if not len(walking):
            break
        current[walking], value[walking] = tried[np.arange(len(walking)), best], reached
        sequences.append(current[walking])
        names += [f"{tags[i]}_{'up' if sign > 0 else 'down'}_ED{step}" for i in walking.tolist()]
        new = total + np.arange(len(walking))
        alt.append(new)
        ref.append(row[walking])
        row[walking] = new
        total += len(walking)
    none = [np.empty(0, dtype=np.int64)]
    return Part(names, np.concatenate(sequences), np.concatenate(alt or none), np.concatenate(ref or none))


def random_substitutions(rng: np.random.Generator, tags: Sequence[str], starts: np.ndarray, each: int) -> Part:
    """Different random substitutions of each sequence, compared with it; tags ``{start}_A12G``."""
    n, length = starts.shape
    drawn = rng.permuted(np.tile(np.arange(3 * length), (n, 1)), axis=1)[:, : min(each, 3 * length)]
    place = drawn // 3
    alt = np.repeat(starts[:, None], drawn.shape[1], axis=1)
    new = ((np.take_along_axis(starts, place, axis=1) + 1 + drawn % 3) % 4).astype(np.uint8)
    np.put_along_axis(alt, place[..., None], new[..., None], axis=2)
    flat = alt.reshape(-1, length)
    names = _change(np.repeat(starts, drawn.shape[1], axis=0), flat)
    return pairs(tags, np.array(names, dtype=object).reshape(n, -1).tolist(), starts, alt)
