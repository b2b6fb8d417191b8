"""Ranks, tails and quantiles are those of scipy.stats to the last bit, in the ranges that results need."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from cisflow.statistics import (
    beta_quantile,
    binomial_tail,
    normal_quantile,
    normal_tail,
    rank_values,
    spearman,
    student_quantile,
    student_tail,
)

RANDOM = np.random.default_rng(20)
#: Probabilities from far in one tail to far in the other.
PROBABILITIES = np.concatenate([10.0 ** -np.arange(1, 300, 7), RANDOM.random(400), 1 - 10.0 ** -np.arange(1, 16)])
#: Statistics of tests, undefined and infinite ones among them.
STATISTICS = np.concatenate([RANDOM.normal(0, 5, 400), [0.0, -0.0, 1e-300, 38.0, 1e10, np.inf, -np.inf, np.nan]])
FREEDOMS = [1, 2, 3, 4, 9, 30, 1000, 1.5, 7.25, 1e6, np.inf]
TIED = st.integers(-3, 3).map(float)
TIES = [("mean", "average"), ("min", "min"), ("max", "max")]


def same(found, expected):
    """Equal values, NaN where NaN, of the same type and layout in memory (sums depend on it)."""
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_array_equal(found, expected, strict=True)
    assert found.strides == expected.strides


@pytest.mark.parametrize(("ties", "method"), TIES)
@given(values=arrays.arrays(float, st.integers(0, 30), elements=TIED | st.just(np.nan) | st.floats()))
def test_ranks_of_a_line(ties, method, values):
    same(rank_values(values, ties), stats.rankdata(values, method=method))


@pytest.mark.parametrize(("ties", "method"), TIES)
@given(
    values=arrays.arrays(float, arrays.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=TIED), data=st.data()
)
def test_ranks_along_an_axis(ties, method, values, data):
    axis = data.draw(st.integers(0, values.ndim - 1))
    same(rank_values(values, ties, axis=axis), stats.rankdata(values, method=method, axis=axis))
    same(rank_values(values, ties), stats.rankdata(values, method=method))
    values[tuple(data.draw(st.integers(0, n - 1)) for n in values.shape)] = np.nan
    same(rank_values(values, ties, axis=axis), stats.rankdata(values, method=method, axis=axis))


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_ranks_of_other_types(kind):
    values = RANDOM.integers(0, 50, 200).astype(kind)
    same(rank_values(values), stats.rankdata(values))


@given(st.integers(0, 40), st.integers(0, 100), st.booleans())
def test_spearman(n, seed, tied):
    random = np.random.default_rng(seed)
    x, y = (random.integers(0, 4, n).astype(float) if tied else random.normal(size=n) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        expected = stats.spearmanr(x, y).statistic
    same(spearman(x, y), float(expected))
    if n > 2:
        assert np.isnan(spearman(np.append(x, np.nan), np.append(y, 1)))


def test_normal():
    same(normal_tail(STATISTICS), stats.norm.sf(STATISTICS))
    same(normal_quantile(PROBABILITIES), stats.norm.ppf(PROBABILITIES))
    same(normal_quantile([0.0, 1.0, np.nan]), stats.norm.ppf([0.0, 1.0, np.nan]))


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_student(freedom):
    same(student_tail(STATISTICS, freedom), stats.t.sf(STATISTICS, freedom))
    same(student_quantile(PROBABILITIES, freedom), stats.t.ppf(PROBABILITIES, freedom))


def test_student_of_many_degrees_of_freedom():
    """Those of elements are pooled from reads: any positive number, none, or NaN."""
    freedom = np.concatenate([10 ** RANDOM.uniform(-1, 7, 3000), [np.inf, np.nan]])
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        same(student_quantile(0.5 + level / 2, freedom), stats.t.ppf(0.5 + level / 2, freedom))


def test_beta_of_all_counts():
    """The limits of a share, as its interval asks for them."""
    for n in (1, 2, 3, 10, 57, 600, 20_000):
        k = np.unique(np.linspace(1, n, min(n, 200)).astype(int))
        same(beta_quantile(0.025, k, n - k + 1), stats.beta.ppf(0.025, k, n - k + 1))
        same(beta_quantile(0.975, k, n - k + 1), stats.beta.ppf(0.975, k, n - k + 1))


@pytest.mark.parametrize("draws", [2, 3, 10, 17, 40])
def test_binomial_tail(draws):
    k = np.arange(0.0, draws + 5)
    for chance in [2 / (2 + x) for x in (1.1, 2.0, 3.5, 10.0)] + [1 / (1 + x) for x in (1.1, 2.0, 3.5, 10.0)]:
        same(binomial_tail(k, draws, chance), stats.binom.sf(k - 1, draws, chance))


def test_a_job_that_ranks_does_not_import_the_whole_of_scipy_stats():
    """What the module is for; scipy.stats takes longer to import than most of these jobs take."""
    modules = (
        "statistics",
        "evaluation.ranking",
        "expression.estimate",
        "expression.noise_ceiling",
        "quality.saturation",
    )
    code = (
        "import sys\n"
        + "\n".join(f"import cisflow.{name}" for name in modules)
        + "\nprint('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
