"""The genetic algorithm on arrays beside DEAP's, as the published notebook runs it, in CPU time.

Purpose: the numbers of docs/methods/design.md. Both raise the share of C in random sequences with the published
settings; the prediction is the same cheap function, so that what is compared is the algorithm. With bundles, the whole
published size (100,000 x 10) is run with them as well. Usage: python benchmarks/design.py [BUNDLE ...]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import numpy as np
from deap import algorithms, base, creator, tools

from cisflow.design.genetic import evolve
from cisflow.design.pareto import select
from cisflow.design.predictor import CodePredictor
from cisflow.design.settings import DesignSettings
from cisflow.models.predict import load_bundle
from cisflow.training.numerics import reproducible_numerics

POPULATION, GENERATIONS, LENGTH = 20_000, 10, 80


def _cpu(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _deap() -> float:
    """Mean share of C after the generations, as DEAP does it: one list per sequence."""
    creator.create("FitnessMax", base.Fitness, weights=(1.0,))
    creator.create("Individual", list, fitness=creator.FitnessMax)
    toolbox = base.Toolbox()
    toolbox.register("base", random.choice, "ACGT")
    toolbox.register("individual", tools.initRepeat, creator.Individual, toolbox.base, n=LENGTH)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("select", tools.selTournament, tournsize=3)
    replaced = {"A": "CGT", "C": "AGT", "G": "CGT", "T": "CGT"}

    def mutate(individual: list[str]) -> tuple[list[str]]:
        for i, letter in enumerate(individual):
            if random.random() < 0.025:
                individual[i] = random.choice(replaced[letter])
        return (individual,)

    toolbox.register("mutate", mutate)
    population = [toolbox.individual() for _ in range(POPULATION)]
    for _ in range(GENERATIONS):
        offspring = algorithms.varAnd(population, toolbox, cxpb=0.1, mutpb=0.1)
        for individual in offspring:
            individual.fitness.values = (individual.count("C"),)
        population = toolbox.select(offspring, k=len(population))
    return float(np.mean([individual.count("C") for individual in population]))


def _fronts(number: int) -> tuple[float, float]:
    """CPU seconds of NSGA-II's selection of half of some points: arrays, DEAP."""
    values = np.random.default_rng(1).normal(size=(number, 2))

    class Both(base.Fitness):
        weights = (1.0, 1.0)

    class Point:
        def __init__(self, pair: tuple[float, float]):
            self.fitness = Both(pair)

    points = [Point(tuple(pair)) for pair in values.tolist()]
    return _cpu(lambda: select(values, number // 2))[0], _cpu(lambda: tools.selNSGA2(points, number // 2))[0]


def main(bundles: list[str]) -> None:
    """Print CPU times."""
    random.seed(1)

    def count(codes: np.ndarray) -> np.ndarray:
        return (codes == 1).sum(axis=1).astype(float)

    ours, evolved = _cpu(lambda: evolve(np.random.default_rng(1), count, LENGTH, POPULATION, GENERATIONS))
    theirs, reached = _cpu(_deap)
    print(f"{POPULATION:,} x {GENERATIONS}: arrays {ours:.2f} s, DEAP {theirs:.2f} s, ratio {theirs / ours:.0f}")
    print(f"  mean number of C: arrays {evolved.predictions.mean():.2f}, DEAP {reached:.2f}")
    ours, theirs = _fronts(2_000)
    print(f"selNSGA2 of 2,000 points: arrays {ours:.4f} s, DEAP {theirs:.2f} s, ratio {theirs / ours:.0f}")
    settings = DesignSettings()
    with reproducible_numerics(1):
        for folder in bundles:
            predict = CodePredictor({"model": [load_bundle(folder)]}, settings.left, settings.right)
            wall = time.monotonic()
            seconds, evolved = _cpu(
                lambda predict=predict: evolve(
                    np.random.default_rng(1), lambda codes: predict(codes)[:, 0], LENGTH, 100_000, 10
                )
            )
            wall = time.monotonic() - wall
            predicted = int(evolved.history["predicted"].sum())
            print(f"{folder}: 100,000 x 10 in {seconds:.0f} s of CPU ({wall:.0f} s), {predicted:,} predictions")


if __name__ == "__main__":
    main(sys.argv[1:])
