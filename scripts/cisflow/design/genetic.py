"""Genetic algorithm on sequences: selection, crossover and mutation as operations on arrays.

Inputs: a function that predicts sequences. Outputs: the last population with its predictions, and the course. Source of
the method: Vaishnav et al. 2022 (their notebook ``ga``, which uses DEAP) made the high- and low-expression sequences of
the Random Promoter DREAM Challenge. The steps are those of DEAP's ``varAnd``, ``cxTwoPoint`` and ``selTournament``,
with the draws of a whole generation taken at once; tests compare them with DEAP draw by draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.progress import Progress
from cisflow.simulate.bases import random_bases

#: What each base (A, C, G, T) is replaced by. ``published``: as the notebook has it: G and T draw from C, G, T and
#: so may stay, and never become A. ``uniform``: the three other bases.
REPLACEMENTS = {
    "published": np.array([[1, 2, 3], [0, 2, 3], [1, 2, 3], [1, 2, 3]], dtype=np.uint8),
    "uniform": np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]], dtype=np.uint8),
}

#: Predictions of codes (n, length): float64 (n,) or (n, objectives).
Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Variation:
    """How the sequences of a generation are varied.

    Attributes
    ----------
    crossover : float
        Probability that two neighbours swap the part between two points.
    mutation : float
        Probability that a sequence is mutated.
    base_mutation : float
        Probability of each base of a mutated sequence.
    replacements : {"published", "uniform"}
        See :data:`REPLACEMENTS`.
    """

    crossover: float = 0.1
    mutation: float = 0.1
    base_mutation: float = 0.025
    replacements: str = "published"


@dataclass(frozen=True)
class Evolved:
    """Result of a genetic algorithm.

    Attributes
    ----------
    population : uint8 array, (n, length)
    predictions : float64 array, (n,) or (n, objectives)
    history : DataFrame
        ``generation`` (0: start), then mean and best of the population, and ``predicted``, the sequences that had to be
        predicted (the others were known from the generation before).
    """

    population: np.ndarray
    predictions: np.ndarray
    history: pd.DataFrame


def tournament(fitness: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Rows that win tournaments.

    Parameters
    ----------
    fitness : float array, (n,)
    candidates : int array, (winners, size)
        Rows drawn for each tournament; of equals the first wins.
    """
    return candidates[np.arange(len(candidates)), fitness[candidates].argmax(axis=1)]


def swap_between(population: np.ndarray, first: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Swap columns ``start`` to ``end`` of rows ``first`` with those of the row after each, in place."""
    columns = np.arange(population.shape[1])
    swapped = (columns >= start[:, None]) & (columns < end[:, None])
    upper, lower = population[first], population[first + 1]
    population[first] = np.where(swapped, lower, upper)
    population[first + 1] = np.where(swapped, upper, lower)


def cross_points(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of the parts to swap, from draws of 1..length and of 1..length - 1."""
    before = two < one
    return np.where(before, two, one), np.where(before, one, two + 1)


def vary(rng: np.random.Generator, population: np.ndarray, how: Variation) -> tuple[np.ndarray, np.ndarray]:
    """Cross and mutate a copy of a population.

    Parameters
    ----------
    rng : Generator
    population : uint8 array, (n, length)
    how : Variation

    Returns
    -------
    offspring : uint8 array, (n, length)
    changed : bool array, (n,)
        Whether a sequence differs from the one in its row before.
    """
    n, length = population.shape
    offspring = population.copy()
    pairs = np.flatnonzero(rng.random(n // 2) < how.crossover) * 2
    if len(pairs) and length > 1:
        drawn = rng.integers(1, length + 1, len(pairs)), rng.integers(1, length, len(pairs))
        swap_between(offspring, pairs, *cross_points(*drawn))
    rows = np.flatnonzero(rng.random(n) < how.mutation)
    row, column = np.nonzero(rng.random((len(rows), length)) < how.base_mutation)
    row = rows[row]
    choices = REPLACEMENTS[how.replacements][offspring[row, column]]
    offspring[row, column] = choices[np.arange(len(row)), rng.integers(0, 3, len(row))]
    return offspring, (offspring != population).any(axis=1)


def predict_distinct(predict: Predict, codes: np.ndarray) -> np.ndarray:
    """Predict every different sequence once."""
    packed = np.ascontiguousarray(codes).view(f"V{codes.shape[1]}").ravel()
    _, first, same = np.unique(packed, return_index=True, return_inverse=True)
    return np.asarray(predict(codes[first]))[same.ravel()]


def evolve(
    rng: np.random.Generator,
    predict: Predict,
    length: int,
    population: int = 100_000,
    generations: int = 10,
    sign: int = 1,
    how: Variation | None = None,
    tournament_size: int = 3,
    what: str = "evolve",
) -> Evolved:
    """Raise (or lower) the predictions of random sequences.

    In every generation the population is crossed and mutated, predicted, and drawn anew by tournaments. Only sequences
    that have changed are predicted; the result is that of predicting all.

    Parameters
    ----------
    rng : Generator
    predict : callable
    length : int
        Bases of a sequence.
    population, generations : int
    sign : {1, -1}
        Whether predictions are raised or lowered.
    how : Variation, optional
        The published one by default.
    tournament_size : int
        Sequences of which the best one goes on.
    what : str
        Name in the progress.
    """
    how = how or Variation()
    current = random_bases(rng, population, length)
    known = predict_distinct(predict, current)
    history = [(0, float(known.mean()), float((sign * known).max() * sign), population)]
    progress = Progress(what, generations, "generations")
    for generation in range(1, generations + 1):
        current, changed = vary(rng, current, how)
        if changed.any():
            known[changed] = predict_distinct(predict, current[changed])
        drawn = rng.integers(0, population, (population, tournament_size))
        winners = tournament(sign * known, drawn)
        current, known = current[winners], known[winners]
        history.append((generation, float(known.mean()), float((sign * known).max() * sign), int(changed.sum())))
        progress.advance(note=f"best {history[-1][2]:.3g}")
    progress.write()
    return Evolved(current, known, pd.DataFrame(history, columns=["generation", "mean", "best", "predicted"]))


def best_of(evolved: Evolved, number: int, sign: int = 1, least_differences: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Best sequences of a population that differ from each other.

    Parameters
    ----------
    evolved : Evolved
        With one prediction per sequence.
    number : int
    sign : {1, -1}
    least_differences : int
        Substitutions between any two of them, 1 or more.

    Returns
    -------
    codes : uint8 array, (at most number, length)
        Best first.
    predictions : float64 array
    """
    packed = np.ascontiguousarray(evolved.population).view(f"V{evolved.population.shape[1]}").ravel()
    _, first = np.unique(packed, return_index=True)
    order = first[np.argsort(-sign * evolved.predictions[first], kind="stable")]
    kept: list[int] = []
    if least_differences <= 1:
        kept = order[:number].tolist()
    else:
        free = np.ones(len(order), dtype=bool)
        for place in range(len(order)):
            if len(kept) == number:
                break
            if free[place]:
                kept.append(int(order[place]))
                apart = (evolved.population[order] != evolved.population[order[place]]).sum(axis=1)
                free &= apart >= least_differences
    return evolved.population[kept], evolved.predictions[kept]
