"""Nominal 95 % intervals hold the truth in 93 to 97 % of the elements, however deep the library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtr
from screens import read_screen
from sorted_screens import sort_screen

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import bin_model_from_fractions, bin_model_from_quantiles
from cisflow.expression.dispersion import estimate_dispersion
from cisflow.expression.limiting_values import limiting_bin_means, limiting_maude_means
from cisflow.expression.maude import estimate_maude
from cisflow.expression.maude_profile import score_tables
from cisflow.problems import InputError

SIX = bin_model_from_fractions(dict.fromkeys("ABCDEF", 0.1))
EDGES = np.linspace(0, 1, 19)
EIGHTEEN = bin_model_from_quantiles([f"bin{b}" for b in range(18)], EDGES[:-1], EDGES[1:])


def sorted_into(bins, seed=2022, **options):
    return sort_screen(np.random.default_rng(seed), bins.lower_quantile, bins.upper_quantile, **options)


def covered(low, high, truth, chosen):
    chosen = chosen & np.isfinite(low)
    return np.mean((low <= truth)[chosen] & (truth <= high)[chosen])


def assert_calibrated(low, high, truth, reads, chosen, slack=0.0):
    assert 0.93 <= covered(low, high, truth, chosen) <= 0.97
    for least, most in ((1, 4), (5, 19), (20, 99), (100, 10**9)):
        part = chosen & (reads >= least) & (reads <= most)
        if part.sum() >= 300:
            error = 2.6 * np.sqrt(0.05 * 0.95 / part.sum()) + slack
            assert 0.93 - error <= covered(low, high, truth, part) <= 0.97 + error, (least, most)


@pytest.mark.parametrize(
    ("depth", "reads_per_cell", "amplification"),
    [(5, 1, 0), (30, 0.3, 0), (30, 3, 0), (100, 1, 0.3), (300, 1, 0)],
)
def test_six_bins_and_measured_abundance_cover_the_true_mean(depth, reads_per_cell, amplification):
    s = sorted_into(SIX, depth=depth, reads_per_cell=reads_per_cell, amplification=amplification)
    result = estimate_maude(
        s.counts, s.unsorted.astype(float), None, SIX, cells=s.cells, unsorted_cells=s.unsorted_cells
    )
    reads = s.counts.sum(axis=1)
    assert_calibrated(result.low, result.high, s.truth, reads, s.is_tested, slack=0.01)
    assert 0.93 <= covered(result.reads_low, result.reads_high, s.truth, s.is_tested) <= 0.97


@pytest.mark.parametrize("depth", [5, 30, 300])
@pytest.mark.parametrize("known", [True, False])
def test_eighteen_tiling_bins_cover_the_true_mean_without_unsorted_sample(depth, known):
    s = sorted_into(EIGHTEEN, depth=depth, amplification=0.3 if depth == 30 else 0.0)
    result = estimate_maude(
        s.counts, abundance_from_bins(s.counts), None, EIGHTEEN, cells=s.cells if known else None, abundance_rule="mean"
    )
    assert_calibrated(result.low, result.high, s.truth, s.counts.sum(axis=1), s.is_tested, slack=0.01)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.99])
def test_other_levels_are_as_nominal(level):
    s = sorted_into(EIGHTEEN, depth=60)
    result = estimate_maude(
        s.counts, abundance_from_bins(s.counts), None, EIGHTEEN, cells=s.cells, abundance_rule="mean", interval=level
    )
    error = 3 * np.sqrt(level * (1 - level) / s.is_tested.sum())
    assert abs(covered(result.reads_low, result.reads_high, s.truth, s.is_tested) - level) < error + 0.005
    positions = np.arange(18.0)
    mean = estimate_bin_mean(s.counts, positions, "depth", s.cells, interval=level)
    value = limiting_bin_means(s.probability, s.counts.sum(axis=0), s.cells, positions)
    assert abs(covered(mean.low, mean.high, value, s.is_tested) - level) < error + 0.01


def unequal(seed=1, depth=100, **options):
    """Elements that differ more than their cells, in bins of unequal share, as in the demo's designed library."""
    random = np.random.default_rng(seed)
    edges = np.concatenate([[0, 0.02], np.linspace(0.05, 0.95, 13), [0.98, 1]])
    bins = bin_model_from_quantiles([f"bin{b}" for b in range(16)], edges[:-1], edges[1:])
    n = options.get("elements", 2000)
    truth = random.normal(0, 1, n)
    gates = np.quantile(np.repeat(truth, 50) + 0.4 * random.standard_normal(50 * n), edges[1:-1])
    gates = np.concatenate([[-np.inf], gates, [np.inf]])
    probability = np.diff(ndtr((gates - truth[:, None]) / 0.4), axis=1)
    abundance = np.exp(0.4 * random.standard_normal(n))[:, None]
    cells = random.poisson(depth * abundance * probability)
    counts = random.poisson(cells * np.exp(0.3 * random.standard_normal(cells.shape)))
    return bins, counts, cells.sum(axis=0), probability


@pytest.mark.parametrize("depth", [8, 40, 200])
def test_equal_weight_abundance_covers_what_the_method_gives_without_sampling(depth):
    bins, counts, cells, probability = unequal(depth=depth)
    every = counts.sum(axis=1) > 0
    value = limiting_maude_means(probability, counts.sum(axis=0), cells, bins, "mean")
    result = estimate_maude(counts, abundance_from_bins(counts), None, bins, cells=cells, abundance_rule="mean")
    assert_calibrated(result.reads_low, result.reads_high, value, counts.sum(axis=1), every, slack=0.015)
    assert (result.low <= result.mean)[every].all()
    assert (result.mean <= result.high)[every].all()
    positions = np.arange(16.0)
    mean = estimate_bin_mean(counts, positions, "depth", cells)
    value = limiting_bin_means(probability, counts.sum(axis=0), cells, positions)
    assert_calibrated(mean.low, mean.high, value, counts.sum(axis=1), every, slack=0.015)


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("known", [True, False])
def test_amplification_and_copies_are_seen_in_the_scatter(spread, known):
    random = np.random.default_rng(5)
    s = sort_screen(
        random, EDGES[:-1], EDGES[1:], elements=3000, depth=150, reads_per_cell=2, amplification=spread, tested=0.3
    )
    place = s.counts @ np.arange(18) / np.maximum(s.counts.sum(axis=1), 1)
    seen = estimate_dispersion(s.counts, np.arange(18.0), place, s.cells if known else None)
    assert seen.amplification == pytest.approx(np.expm1(spread**2), rel=0.15, abs=0.01)
    assert seen.inflation.mean() == pytest.approx(1 + 2 * np.exp(spread**2 / 2), rel=0.05 if known else 0.3)


@pytest.mark.parametrize("n_bins", [2, 3, 4])
@pytest.mark.parametrize("known", [True, False])
def test_few_bins_show_no_scatter_that_is_not_there(n_bins, known):
    random = np.random.default_rng(8)
    edges = np.linspace(0, 1, n_bins + 1)
    s = sort_screen(random, edges[:-1], edges[1:], elements=800, depth=200, tested=0.3)
    bins = bin_model_from_quantiles([str(b) for b in range(n_bins)], edges[:-1], edges[1:])
    seen = estimate_dispersion(s.counts, np.arange(n_bins), s.counts @ np.arange(n_bins), s.cells if known else None)
    assert 0 <= seen.amplification < 0.02
    result = estimate_maude(
        s.counts, abundance_from_bins(s.counts), None, bins, cells=s.cells if known else None, abundance_rule="mean"
    )
    if known:
        assert 0.925 <= covered(result.reads_low, result.reads_high, s.truth, s.is_tested) <= 0.975


def test_copies_that_cannot_be_seen_do_not_make_elements_certain():
    """Two reads of one cell lie in one bin; a sparse library without cells must not take that for a narrow spread."""
    random = np.random.default_rng(8)
    counts = 2 * random.multinomial(1, np.full(18, 1 / 18), 1500)
    result = estimate_maude(counts, abundance_from_bins(counts), None, EIGHTEEN, abundance_rule="mean")
    inner = (result.reads_low > -4) & (result.reads_high < 4)
    assert (result.reads_high - result.reads_low)[inner].min() > 2 * 1.9 / np.sqrt(2)


def test_tables_are_derivatives_of_the_likelihood():
    grid, step = np.linspace(-3, 3, 31), 1e-5
    totals = np.array([900.0, 1200, 800, 1000, 1500, 700, 5000])
    inflation = np.array([1.5, 2, 1, 3, 1.2, 1, 2])
    for arguments in ((totals, SIX, inflation, None), (totals[:6], SIX, inflation[:6], 1 / totals[:6] / 6)):
        values, slopes, curvatures = score_tables(grid, *arguments)
        up, down = score_tables(grid + step, *arguments), score_tables(grid - step, *arguments)
        np.testing.assert_allclose(slopes, (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(curvatures, (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-8)
        assert np.isfinite(values).all()


def test_ends_lie_where_the_likelihood_has_dropped():
    """Against a plain search on a fine grid, for deep and for single reads."""
    counts = np.vstack([np.random.default_rng(3).poisson([2, 4, 9, 12, 7, 3], (300, 6)), np.eye(6, dtype=int)])
    counts[:5] *= 10_000
    result = estimate_maude(counts, abundance_from_bins(counts), None, SIX, abundance_rule="mean")
    grid = np.linspace(-4, 4, 200_001)
    totals = counts.sum(axis=0)
    table = score_tables(grid, totals.astype(float), SIX, np.ones(6), 1 / totals / 6)[0]
    for i in (0, 4, 10, 50, 301, 303):
        height = table @ counts[i]
        inner = np.interp([result.reads_low[i], result.reads_high[i]], grid, height)
        at_end = np.isin([result.reads_low[i], result.reads_high[i]], [-4, 4])
        if not at_end.any():
            assert inner[0] == pytest.approx(inner[1], abs=1e-3 * max(1, counts[i].sum() / 1e4))
        assert (inner <= height.max() + 1e-9).all()


def test_no_reads_no_interval_and_open_ends_are_the_limits():
    counts = np.vstack([np.random.default_rng(3).poisson(4, (300, 18)), np.zeros((1, 18), dtype=int)])
    counts[0] = [50] + [0] * 17
    unsorted = np.full(301, 70.0)
    result = estimate_maude(counts, unsorted, None, EIGHTEEN, pseudocount=0)
    assert np.isnan(result.low[-1])
    assert np.isnan(result.high[-1])
    assert result.low[0] == -4
    assert result.at_limit[0]


def test_interval_level_is_checked():
    counts = np.ones((5, 6), dtype=int)
    with pytest.raises(InputError, match=r'column "interval": 1.5; expected a share between 0 and 1'):
        estimate_maude(counts, np.ones(5), None, SIX, interval=1.5)
    with pytest.raises(InputError, match="'guess' is not one of: measured, mean, weighted"):
        estimate_maude(counts, np.ones(5), None, SIX, abundance_rule="guess")


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=15, deadline=None)
def test_order_of_the_elements_does_not_matter_to_the_last_bit(seed, measured):
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(1, 15, (260, 1)) * random.dirichlet(np.ones(6), 260))
    counts[0] += 1
    order = random.permutation(260)
    abundance = random.gamma(1, 100, 260) if measured else abundance_from_bins(counts)
    options = {"abundance_rule": "measured" if measured else "mean"}
    one = estimate_maude(counts, abundance, None, SIX, **options).to_frame()
    other = estimate_maude(counts[order], abundance[order], None, SIX, **options).to_frame()
    assert one.iloc[order].reset_index(drop=True).equals(other)
    one, other = (estimate_bin_mean(c, np.arange(6.0)) for c in (counts, counts[order]))
    for name in ("expression", "standard_error", "low", "high", "n_reads"):
        np.testing.assert_array_equal(getattr(one, name)[order], getattr(other, name))


@given(
    hnp.arrays(np.int64, (30, 6), elements=st.integers(0, 60)),
    st.integers(0, 29),
    st.integers(0, 4),
)
@settings(max_examples=60, deadline=None)
def test_reads_moved_to_a_higher_bin_never_lower_the_estimate(counts, i, b):
    """Raw weights and a given abundance; totals stay, as another element's reads move the other way.

    With weights by depth a read loses weight when it moves to a deeper bin, and the mean can fall.
    """
    counts = counts + 1
    counts[i, b] += 3
    other = (i + 1) % 30
    counts[other, b + 1] += 3
    moved = counts.copy()
    moved[i, b] -= 3
    moved[i, b + 1] += 3
    moved[other, b + 1] -= 3
    moved[other, b] += 3
    before, after = (estimate_bin_mean(c, np.arange(6.0), "raw").expression[i] for c in (counts, moved))
    assert after > before
    edges = np.linspace(0, 1, 7)
    bins = bin_model_from_quantiles(list("abcdef"), edges[:-1], edges[1:])
    abundance = np.full(30, 1e6 / 30)
    before, after = (estimate_maude(c, abundance, None, bins).mean[i] for c in (counts, moved))
    assert after >= before - 1e-9


@pytest.mark.parametrize(
    "name", ["sim6", "tiling6", "designed18", "edge/two_bins", "edge/huge_counts", "edge/empty_bin"]
)
def test_intervals_of_the_reference_screens_hold_their_estimates(golden, name):
    screen = read_screen(golden / "maude" / name)
    table = screen.estimate()
    seen = table[screen.params["sort_bins"]].sum(axis=1) > 0
    assert (table["mean_low"] <= table["mean"])[seen].all()
    assert (table["mean"] <= table["mean_high"])[seen].all()
    assert (table["mean_high"] > table["mean_low"])[seen].all()
    assert table[["mean_low", "mean_high"]][~seen].isna().all().all()
    tight = screen.estimate(interval=0.5)
    assert (tight["mean_high"] - tight["mean_low"] <= table["mean_high"] - table["mean_low"])[seen].all()
