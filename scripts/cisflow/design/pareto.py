"""Sequences on which two models disagree most: NSGA-II along the Pareto front.

Inputs: predictions of two models. Outputs: sequences that one predicts high and the other low, from the compromise
that favours one to that which favours the other. Source of the method: Deb et al. 2002, in the form of DEAP's
``selNSGA2`` (fronts of equal rank, crowding distance within the last one); tests compare the two.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pandas as pd

from cisflow.design.genetic import Evolved, Predict, Variation, predict_distinct, vary
from cisflow.progress import Progress
from cisflow.simulate.bases import random_bases


def front_ranks(values: np.ndarray) -> np.ndarray:
    """Number of the Pareto front of each point, 0 for the best.

    Parameters
    ----------
    values : float array, (n, 2)
        Two objectives, both the better the higher. Equal points share a front.

    Returns
    -------
    int64 array, (n,)
    """
    distinct, same = np.unique(values, axis=0, return_inverse=True)
    ranks = np.empty(len(distinct), dtype=np.int64)
    # From the highest first objective down, a front dominates a point when the second objective of its last member
    # (its highest so far) is not below the point's. These last members fall from front to front: bisection finds it.
    falling: list[float] = []
    seconds = (-distinct[::-1, 1]).tolist()
    found = []
    for second in seconds:
        front = bisect_right(falling, second)
        if front == len(falling):
            falling.append(second)
        else:
            falling[front] = second
        found.append(front)
    ranks[::-1] = found
    return ranks[same.ravel()]


def crowding_distances(values: np.ndarray) -> np.ndarray:
    """How far the neighbours of each point of one front are, over all objectives; infinite at the ends.

    Parameters
    ----------
    values : float array, (n, objectives)
    """
    n, objectives = values.shape
    distances = np.zeros(n)
    order = np.arange(n)
    for column in values.T:
        order = order[np.argsort(column[order], kind="stable")]
        ordered = column[order]
        distances[order[[0, -1]]] = np.inf
        if ordered[-1] > ordered[0]:
            distances[order[1:-1]] += (ordered[2:] - ordered[:-2]) / (objectives * (ordered[-1] - ordered[0]))
    return distances


def select(values: np.ndarray, number: int) -> np.ndarray:
    """Rows that NSGA-II keeps: whole fronts from the best on, then the least crowded of the next one.

    Parameters
    ----------
    values : float array, (n, 2)
        Both the better the higher.
    number : int

    Returns
    -------
    int64 array, (min(number, n),)
    """
    ranks = front_ranks(values)
    order = np.argsort(ranks, kind="stable")
    if number >= len(order):
        return order
    last = ranks[order[number]]
    whole = order[ranks[order] < last]
    partial = order[ranks[order] == last]
    crowded = crowding_distances(values[partial])
    return np.concatenate([whole, partial[np.argsort(-crowded, kind="stable")[: number - len(whole)]]])


def evolve_disagreement(
    rng: np.random.Generator,
    predict_both: Predict,
    length: int,
    population: int = 100_000,
    generations: int = 10,
    how: Variation | None = None,
    what: str = "disagreement",
) -> Evolved:
    """Sequences that the first model predicts high and the second one low.

    Parents and offspring compete in every generation; a sequence stands in a population once.

    Parameters
    ----------
    rng : Generator
    predict_both : callable
        Predictions (n, 2).
    length, population, generations : int
    how : Variation, optional
    what : str
        Name in the progress.

    Returns
    -------
    Evolved
        ``predictions`` (n, 2) as predicted. ``history``: ``mean_difference`` and ``best_difference`` (first minus
        second), ``front`` (sequences of the best front).
    """
    how = how or Variation()
    current = random_bases(rng, population, length)
    known = predict_distinct(predict_both, current)
    history = []

    def record(generation: int, predicted: int) -> None:
        difference = known[:, 0] - known[:, 1]
        front = int((front_ranks(known * [1, -1]) == 0).sum())
        history.append((generation, float(difference.mean()), float(difference.max()), front, predicted))

    record(0, population)
    progress = Progress(what, generations, "generations")
    for generation in range(1, generations + 1):
        offspring, changed = vary(rng, current, how)
        offspring = offspring[changed]
        values = predict_distinct(predict_both, offspring) if len(offspring) else np.empty((0, 2))
        both, values = np.concatenate([current, offspring]), np.concatenate([known, values])
        packed = np.ascontiguousarray(both).view(f"V{length}").ravel()
        distinct = np.sort(np.unique(packed, return_index=True)[1])
        both, values = both[distinct], values[distinct]
        kept = select(values * [1, -1], population)
        current, known = both[kept], values[kept]
        record(generation, len(offspring))
        progress.advance(note=f"best difference {history[-1][2]:.3g}")
    progress.write()
    columns = ["generation", "mean_difference", "best_difference", "front", "predicted"]
    return Evolved(current, known, pd.DataFrame(history, columns=columns))


def along_front(evolved: Evolved, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences along the front, from the lowest to the highest prediction of the first model.

    Parameters
    ----------
    evolved : Evolved
    number : int
        Where the best front has fewer, those of the next fronts are taken, as NSGA-II would.

    Returns
    -------
    codes : uint8 array, (at most number, length)
    predictions : float64 array, (at most number, 2)
    """
    kept = select(evolved.predictions * [1, -1], number)
    kept = kept[np.argsort(evolved.predictions[kept, 0], kind="stable")]
    return evolved.population[kept], evolved.predictions[kept]
