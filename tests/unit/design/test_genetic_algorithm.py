"""The genetic algorithms against DEAP, draw by draw, and what they reach."""

from __future__ import annotations

import random

import numpy as np
import pytest

from cisflow.design.genetic import Variation, best_of, cross_points, evolve, swap_between, tournament, vary
from cisflow.design.pareto import along_front, crowding_distances, evolve_disagreement, front_ranks, select

deap_tools = pytest.importorskip("deap.tools")
deap_base = pytest.importorskip("deap.base")


class _Scripted(random.Random):
    """Generator whose next draws are given."""

    def __init__(self, draws):
        super().__init__(0)
        self.draws = iter(draws)

    def randint(self, low, high):
        return next(self.draws)

    def choice(self, among):
        return among[next(self.draws)]


class _Both(deap_base.Fitness):
    weights = (1.0, 1.0)


class _Individual(list):
    def __init__(self, values, content=()):
        super().__init__(content)
        self.fitness = _Both(values)


def test_tournaments_are_those_of_deap(monkeypatch):
    rng = np.random.default_rng(1)
    fitness = rng.integers(0, 6, 40).astype(float)  # many equals
    candidates = rng.integers(0, 40, (200, 3))
    individuals = [_Individual((value, value), [row]) for row, value in enumerate(fitness)]
    monkeypatch.setattr("deap.tools.selection.random", _Scripted(candidates.ravel().tolist()))
    expected = [one[0] for one in deap_tools.selTournament(individuals, 200, tournsize=3)]
    assert tournament(fitness, candidates).tolist() == expected


def test_crossover_is_that_of_deap(monkeypatch):
    rng = np.random.default_rng(2)
    length = 11
    population = rng.integers(0, 4, (60, length), dtype=np.uint8)
    first = np.arange(0, 60, 2)
    one, two = rng.integers(1, length + 1, 30), rng.integers(1, length, 30)
    expected = population.tolist()
    monkeypatch.setattr("deap.tools.crossover.random", _Scripted(np.stack([one, two], axis=1).ravel().tolist()))
    for row in first.tolist():
        deap_tools.cxTwoPoint(expected[row], expected[row + 1])
    swap_between(population, first, *cross_points(one, two))
    assert population.tolist() == expected


def test_fronts_and_crowding_are_those_of_deap():
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 60):
        values = rng.integers(0, 9, (n, 2)).astype(float)
        individuals = [_Individual(tuple(row), [i]) for i, row in enumerate(values.tolist())]
        expected = np.empty(n, dtype=int)
        for rank, front in enumerate(deap_tools.sortNondominated(individuals, n)):
            expected[[one[0] for one in front]] = rank
        assert (front_ranks(values) == expected).all()
        deap_tools.emo.assignCrowdingDist(individuals)
        assert np.allclose(crowding_distances(values), [one.fitness.crowding_dist for one in individuals])


def test_selection_is_that_of_deap():
    values = np.random.default_rng(4).normal(size=(120, 2))  # no equals: the choice is unique
    individuals = [_Individual(tuple(row), [i]) for i, row in enumerate(values.tolist())]
    for number in (1, 13, 60, 119, 120):
        expected = {one[0] for one in deap_tools.selNSGA2(individuals, number)}
        assert set(select(values, number).tolist()) == expected


def test_variation_changes_what_it_says():
    rng = np.random.default_rng(5)
    population = rng.integers(0, 4, (20_000, 80), dtype=np.uint8)
    offspring, changed = vary(rng, population, Variation(crossover=0, mutation=0.1, base_mutation=0.05))
    differs = offspring != population
    assert (changed == differs.any(axis=1)).all()
    # G and T draw from C, G and T: a third of their draws changes nothing, and none makes an A.
    expected = 0.1 * 0.05 * (0.5 + 0.5 * 2 / 3)
    assert differs.mean() == pytest.approx(expected, rel=0.05)
    assert not (offspring[(population >= 2) & differs] == 0).any()
    offspring, _ = vary(rng, population, Variation(0, 0.1, 0.05, "uniform"))
    assert (offspring != population).mean() == pytest.approx(0.1 * 0.05, rel=0.05)
    unchanged, changed = vary(rng, population, Variation(0, 0, 0))
    assert (unchanged == population).all()
    assert not changed.any()


def _content(base: int):
    return lambda codes: (codes == base).sum(axis=1).astype(float)


def test_evolution_rises_and_falls_and_repeats():
    predicted = []

    def predict(codes):
        predicted.append(len(codes))
        return _content(1)(codes)

    up = evolve(np.random.default_rng(6), predict, 30, 2000, 8)
    down = evolve(np.random.default_rng(6), _content(1), 30, 2000, 8, sign=-1)
    assert up.history["mean"].iloc[-1] > up.history["mean"].iloc[0] + 4
    assert down.history["mean"].iloc[-1] < down.history["mean"].iloc[0] - 4
    assert (up.predictions == _content(1)(up.population)).all()  # known predictions moved with their sequences
    assert sum(predicted) < 2000 * 4  # only what changed was predicted
    again = evolve(np.random.default_rng(6), _content(1), 30, 2000, 8)
    assert (again.population == up.population).all()
    codes, values = best_of(up, 5, least_differences=3)
    assert values.tolist() == sorted(values.tolist(), reverse=True)
    apart = (codes[:, None] != codes[None]).sum(axis=2)[~np.eye(len(codes), dtype=bool)]
    assert apart.min() >= 3


def test_disagreement_reaches_the_front():
    def both(codes):
        return np.stack([_content(1)(codes), _content(2)(codes) + 0.5 * _content(1)(codes)], axis=1)

    found = evolve_disagreement(np.random.default_rng(7), both, 20, 600, 12)
    first, last = found.history.iloc[0], found.history.iloc[-1]
    assert last["mean_difference"] > first["mean_difference"] + 2
    assert len(np.unique(found.population, axis=0)) == 600
    codes, values = along_front(found, 40)
    assert len(codes) == 40
    assert (np.diff(values[:, 0]) >= 0).all()
    assert (both(codes) == values).all()
    assert (values[:, 0] - values[:, 1]).mean() > last["mean_difference"]
