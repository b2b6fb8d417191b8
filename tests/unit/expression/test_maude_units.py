"""Likelihood, bin models and false discovery rates agree with exact arithmetic and with R."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from cisflow.expression.abundance import add_pseudocount
from cisflow.expression.bin_model import bin_model_from_fractions, bin_model_from_quantiles, bin_model_from_table
from cisflow.expression.maude import estimate_maude
from cisflow.expression.maude_groups import false_discovery_rate
from cisflow.expression.maude_likelihood import element_slope, information_per_read, log_likelihood


@pytest.mark.parametrize("name", ["finite", "infinite_ends"])
def test_likelihood_agrees_with_exact_arithmetic(golden, name):
    folder = golden / "maude" / "units"
    cases = pd.read_csv(folder / "likelihood.tsv", sep="\t").query("bins == @name")
    bins = bin_model_from_table(pd.read_csv(folder / "likelihood_bins.tsv", sep="\t").query("bins == @name"))
    ours = np.array(
        [
            log_likelihood(
                np.array([case.mu]),
                case[[f"x_{b}" for b in bins.names]].to_numpy(float)[None],
                case[[f"k_{b}" for b in bins.names]].to_numpy(float),
                np.array([case.libFract]),
                bins,
            )[0]
            for _, case in cases.iterrows()
        ]
    )
    exact = cases["ll_exact"].to_numpy()
    finite = np.isfinite(exact)
    assert finite.sum() > 300
    np.testing.assert_allclose(ours[finite], exact[finite], rtol=1e-13, atol=1e-13)
    assert (np.isnan(ours) == np.isnan(exact)).all()


def test_likelihood_keeps_its_digits_for_huge_counts():
    """Reads where the textbook sum of log-gamma functions is off by 1e-6; reference: 50-digit arithmetic (mpmath)."""
    mpmath = pytest.importorskip("mpmath")
    bins = bin_model_from_quantiles(["low", "high"], [0, 0.5], [0.5, 1])
    reads, totals, fraction, mean = np.array([[10**8, 3 * 10**7]]), np.array([10**10, 4 * 10**9]), 0.01, -0.3
    ours = log_likelihood(np.array([mean]), reads, totals, np.array([fraction]), bins)[0]
    with mpmath.workdps(50):
        exact = mpmath.mpf(0)
        for x, k, low, high in ((reads[0, 0], totals[0], -mpmath.inf, 0), (reads[0, 1], totals[1], 0, mpmath.inf)):
            x, k, mu = mpmath.mpf(int(x)), mpmath.mpf(int(k)), mpmath.mpf(mean)
            p = mpmath.mpf(fraction) * (mpmath.ncdf(high - mu) - mpmath.ncdf(low - mu)) / mpmath.mpf(0.5)
            exact += mpmath.loggamma(x + k) - mpmath.loggamma(k) - mpmath.loggamma(x + 1)
            exact += x * mpmath.log(p) + k * mpmath.log(1 - p)
        assert abs(ours - float(exact)) <= 1e-12 * abs(float(exact))


def test_slope_and_curvature_are_derivatives_of_the_likelihood():
    bins = bin_model_from_quantiles(list("abc"), [0, 0.3, 0.7], [0.3, 0.7, 1])
    counts, totals, fraction = np.array([[5.0, 30.0, 12.0]]), np.array([4000.0, 5000.0, 3000.0]), np.array([0.01])
    for mean in (-1.3, 0.0, 0.4, 2.0):
        step = 1e-3
        f = [log_likelihood(np.array([mean + d]), counts, totals, fraction, bins)[0] for d in (-step, 0, step)]
        first, second = element_slope(mean, counts[0], totals, fraction[0], *bins.kernel_edges)
        assert first == pytest.approx((f[2] - f[0]) / (2 * step), rel=1e-5)
        assert second == pytest.approx((f[0] - 2 * f[1] + f[2]) / step**2, rel=1e-4)


def test_information_is_the_expected_curvature():
    """At the counts that the model expects, the curvature of the likelihood is the information of these reads."""
    bins = bin_model_from_quantiles(list("abcd"), [0.001, 0.3, 0.4, 0.7], [0.3, 0.4, 0.7, 0.999])
    totals, fraction = np.array([4e6, 5e6, 3e6, 1e6]), 1e-4
    for mean in (-1.3, 0.0, 0.4, 2.0):
        probability = ndtr(bins.upper_z - mean) - ndtr(bins.lower_z - mean)
        expected = totals * fraction * probability / bins.share
        curvature = element_slope(mean, expected, totals, fraction, *bins.kernel_edges)[1]
        ours = information_per_read(np.array([mean]), totals, bins)[0] * expected.sum()
        assert ours == pytest.approx(-curvature, rel=2e-3)


def test_bin_models_agree_with_r(golden):
    table = pd.read_csv(golden / "maude" / "units" / "bin_models.tsv", sep="\t")
    for (_, tail), part in table.groupby(["model", "tailP"], sort=False):
        fractions = dict(zip(part["Bin"], part["fraction"], strict=True))
        supplied = {name: share for name, share in fractions.items() if share > 1e-11}
        model = bin_model_from_fractions(supplied, tail, with_absent_bins=True)
        assert list(model.names) == part["Bin"].tolist()
        for ours, column in (
            (model.lower_quantile, "binStartQ"),
            (model.upper_quantile, "binEndQ"),
            (model.lower_z, "binStartZ"),
            (model.upper_z, "binEndZ"),
        ):
            np.testing.assert_allclose(ours, part[column], rtol=1e-12, atol=1e-12)
        assert bin_model_from_fractions(supplied, tail).names == tuple(supplied)


def test_percentiles_of_a_real_sorter(shared_data):
    table = pd.read_csv(shared_data / "sortseq" / "maude_CD69_bin_percentiles.txt", sep="\t")
    model = bin_model_from_table(table)
    assert model.names == ("baseline", "low", "medium", "high")
    np.testing.assert_allclose(model.share, table["binEndQ"] - table["binStartQ"])
    np.testing.assert_allclose(model.upper_z[0], 0.40829377483524237, rtol=1e-12)


def test_false_discovery_rates_agree_with_r(golden):
    table = pd.read_csv(golden / "maude" / "units" / "fdr.tsv", sep="\t")
    for tails in ("both", "lower", "upper"):
        ours = false_discovery_rate(table["p.value"], tails, table["expt"])
        np.testing.assert_allclose(ours, table[f"FDR_{tails}"], rtol=1e-12)


def test_missing_p_values_count_as_tests():
    np.testing.assert_allclose(false_discovery_rate([0.01, np.nan], "lower"), [0.02, np.nan])


def test_pseudocounts_round_half_to_even_and_are_at_least_one():
    totals = np.array([50_000, 150_000, 250_000, 350_000, 10])
    counts = np.vstack([totals - 1, np.ones(5, dtype=int)])
    added, abundance = add_pseudocount(counts, np.array([3.0, 0.5]), 10)
    assert (added - counts)[0].tolist() == [1, 2, 2, 4, 1]  # 0.5, 1.5, 2.5, 3.5 and 0.0001 per million
    assert abundance.tolist() == [13.0, 10.5]
    assert (add_pseudocount(counts, abundance, 0)[0] == counts).all()


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(0, 1), (0.001, 0.999)]),
    st.integers(2, 9),
    st.integers(0, 300),
    st.sampled_from([0, 1, 10]),
)
@settings(max_examples=40, deadline=None)
def test_no_point_of_a_fine_grid_beats_the_estimate(seed, ends, n_bins, depth, pseudocount):
    random = np.random.default_rng(seed)
    edges = np.sort(np.append(random.uniform(*ends, n_bins - 1), ends))
    if np.diff(edges).min() < 1e-3:
        return
    bins = bin_model_from_quantiles([str(b) for b in range(n_bins)], edges[:-1], edges[1:])
    counts = random.poisson(random.gamma(0.3, depth, (6, n_bins)))
    abundance = random.gamma(0.5, 1e5, 6) + 1
    if (counts.sum(axis=0) == 0).any():
        return
    result = estimate_maude(counts, abundance, None, bins, pseudocount)
    totals = result.counts.sum(axis=0)
    for mean in np.linspace(-4, 4, 1601):
        there = log_likelihood(np.full(6, mean), result.counts, totals, result.library_fraction, bins)
        there = there[np.isfinite(there)]
        ours = result.log_likelihood[
            np.isfinite(log_likelihood(np.full(6, mean), result.counts, totals, result.library_fraction, bins))
        ]
        assert (ours >= there - 1e-9 * (1 + np.abs(there))).all()


def test_order_of_elements_does_not_matter():
    random = np.random.default_rng(1)
    bins = bin_model_from_quantiles(list("abcd"), [0, 0.2, 0.5, 0.8], [0.2, 0.5, 0.8, 1])
    counts, abundance = random.poisson(20, (50, 4)), random.uniform(5e3, 4e4, 50)
    order = random.permutation(50)
    whole = estimate_maude(counts, abundance, None, bins)
    shuffled = estimate_maude(counts[order], abundance[order], None, bins)
    np.testing.assert_allclose(shuffled.mean, whole.mean[order], atol=1e-10)


@pytest.fixture
def drawn():
    """Densities by the model itself; the elements differ little, so the population is the sum of the elements."""
    random = np.random.default_rng(2022)
    edges = np.linspace(0, 1, 9)
    bins = bin_model_from_quantiles([str(b) for b in range(8)], edges[:-1], edges[1:])
    truth = random.normal(0, 0.02, 4000)
    probability = ndtr(bins.upper_z - truth[:, None]) - ndtr(bins.lower_z - truth[:, None])
    return truth, probability / bins.share, np.full(4000, 1e8 / 4000), bins, random


def test_standard_errors_cover_the_truth(drawn):
    truth, density, abundance, bins, random = drawn
    for depth in (1, 8, 60):
        result = estimate_maude(random.poisson(depth * density), abundance, None, bins, pseudocount=0)
        inside = np.abs(result.mean - truth) <= 1.96 * result.standard_error
        assert 0.93 <= inside.mean() <= 0.97


def test_standard_errors_know_that_cells_are_fewer_than_reads(drawn):
    """Told by the sheet, or seen in the scatter of elements of equal expression; not with too few elements."""
    truth, density, abundance, bins, random = drawn
    cells = random.poisson(8 * density)
    reads = random.poisson(5 * cells)
    seen = estimate_maude(reads, abundance, None, bins, pseudocount=0)
    assert 0.93 <= np.mean(np.abs(seen.mean - truth) <= 1.96 * seen.standard_error) <= 0.97
    few = slice(0, 150)
    blind = estimate_maude(reads[few], abundance[few], None, bins, pseudocount=0)
    assert np.mean(np.abs(blind.mean - truth[few]) <= 1.96 * blind.standard_error) < 0.7
    honest = estimate_maude(reads, abundance, None, bins, pseudocount=0, cells=cells.sum(axis=0))
    np.testing.assert_array_equal(honest.mean, seen.mean)
    assert 0.93 <= np.mean(np.abs(honest.mean - truth) <= 1.96 * honest.standard_error) <= 0.97


def test_pseudocounts_do_not_make_an_element_certain(drawn):
    _, density, _, bins, random = drawn
    counts = random.poisson(8 * density)
    counts[0], counts[1] = 0, np.eye(8, dtype=int)[4]
    abundance = np.full(4000, 250.0)
    result = estimate_maude(counts, abundance, None, bins, pseudocount=1000)
    assert np.isnan(result.standard_error[0])
    assert 0.9 < result.standard_error[1] < 1.2
