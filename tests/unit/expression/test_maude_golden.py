"""Estimates agree with the R package on every screen of the reference set, from the raw counts on."""

from pathlib import Path

import numpy as np
import pytest
from screens import read_screen

from cisflow.expression.maude import add_pseudocount

GOLDEN = Path(__file__).parents[2] / "golden" / "maude"
SCREENS = ["sim6", "tiling6", "designed18"]
SCREENS += sorted(f"edge/{p.name}" for p in (GOLDEN / "edge").iterdir() if not p.name.startswith("bad_"))
REAL = ["kinney_hexamer9", "kinney_sequence9"]
#: R's own inaccuracy: limits of 10 lose digits by cancellation, and 10^8 reads meet its relative stopping rule.
MEAN_TOLERANCE = {"edge/wide_limits": 5e-4, "edge/huge_counts": 1e-5}
LIKELIHOOD_TOLERANCE = {"edge/wide_limits": 1e-6}
#: R stays on the wrong side of 0 for these (reference set, README).
WRONG_SIDE = [55, 59, 63]
WITH_WRONG_SIDE = {
    "edge/median_controls",
    "edge/sparse_and_extreme",
    "edge/sparse_and_extreme_no_pseudo",
    "edge/sparse_and_extreme_pseudo1",
    "edge/wide_limits",
}


def compare(screen, name):
    expected, ours = screen.expected, screen.estimate()
    assert (ours["id"] == expected["id"]).all()
    agree = screen.r_found_the_optimum
    wrong = expected["id"].isin(WRONG_SIDE).to_numpy() if name in WITH_WRONG_SIDE else np.zeros(len(expected), bool)
    assert agree[~wrong].all()
    assert (~agree[wrong]).all()

    np.testing.assert_allclose(ours["library_fraction"], expected["libFraction"], rtol=1e-12)
    for key, rows in expected.groupby(screen.screen_columns or (lambda _: 0)).indices.items():
        counts, abundance = add_pseudocount(
            ours[screen.params["sort_bins"]].to_numpy()[rows],
            ours[screen.params["unsorted_column"]].to_numpy(float)[rows],
            screen.params["pseudocount"],
        )
        for b, column in enumerate(screen.params["sort_bins"]):
            assert (counts[:, b] == expected[f"{column}_pc"].iloc[rows]).all(), (key, column)
        np.testing.assert_allclose(abundance, expected[f"{screen.params['unsorted_column']}_pc"].iloc[rows], rtol=1e-12)

    tolerance = MEAN_TOLERANCE.get(name, 2e-6)
    mean, r_mean = ours["mean"].to_numpy(), expected["mean"].to_numpy()
    np.testing.assert_allclose(mean[agree], r_mean[agree], rtol=0, atol=tolerance)
    np.testing.assert_allclose(mean[wrong], expected["mean_global"].to_numpy()[wrong], rtol=0, atol=tolerance)
    ll, r_ll = ours["log_likelihood"].to_numpy(), expected["ll"].to_numpy()
    assert (ll >= r_ll - 1e-6 * (1 + np.abs(r_ll))).all()
    relative = np.abs(ll - r_ll) / (1 + np.abs(r_ll))
    assert relative[agree].max() <= LIKELIHOOD_TOLERANCE.get(name, 1e-8)
    np.testing.assert_allclose(ours["z"][agree], expected["Z"][agree], rtol=0, atol=2 * tolerance)
    ratio, r_ratio = ours["log_likelihood_ratio"].to_numpy(), expected["llRatio"].to_numpy()
    assert (np.isnan(ratio) == np.isnan(r_ratio)).all()
    known = agree & ~np.isnan(ratio)
    assert (np.abs(ratio - r_ratio)[known] <= 5e-5 * (1 + np.abs(r_ratio[known]))).all()
    return ours


def compare_with_local_search(screen, name):
    ours = screen.estimate(optimum="r")
    tolerance = MEAN_TOLERANCE.get(name, 1e-6)
    np.testing.assert_allclose(ours["mean"], screen.expected["mean"], rtol=0, atol=tolerance)
    return ours


@pytest.mark.parametrize("name", SCREENS)
def test_screen_agrees_with_r(golden, name):
    compare(read_screen(golden / "maude" / name), name)


@pytest.mark.parametrize("name", SCREENS)
def test_local_search_stops_where_r_stops(golden, name):
    compare_with_local_search(read_screen(golden / "maude" / name), name)


@pytest.mark.parametrize("name", REAL)
def test_real_screen_agrees_with_r(shared_golden, name):
    screen = read_screen(shared_golden / "maude" / name)
    compare(screen, name)
    compare_with_local_search(screen, name)


def test_local_search_stays_on_the_wrong_side_where_r_does(golden):
    screen = read_screen(golden / "maude" / "edge" / "sparse_and_extreme")
    local = screen.estimate(optimum="r").set_index("id").loc[WRONG_SIDE]
    best = screen.estimate().set_index("id").loc[WRONG_SIDE]
    assert (local["mean"] == -4).all()
    assert (best["mean"] == 4).all()
    assert (best["log_likelihood"] > local["log_likelihood"]).all()
    assert local["at_limit"].all()
    assert best["at_limit"].all()


def test_flat_likelihood_is_flagged_and_stays_at_zero(golden):
    table = read_screen(golden / "maude" / "edge" / "all_zero_element_no_pseudo").estimate()
    flat = table[table["no_information"]]
    assert len(flat) == 1
    assert flat["mean"].tolist() == [0.0]
    assert flat["log_likelihood"].tolist() == [0.0]
    assert flat["standard_error"].isna().all()


def test_limits_are_flagged(golden):
    table = read_screen(golden / "maude" / "edge" / "limits_without_zero").estimate()
    assert (table["at_limit"] == table["mean"].isin([1.0, 2.0])).all()
    assert table["at_limit"].all()
    assert table["standard_error"].isna().all()


def test_numeric_control_column_means_what_it_says(golden):
    screen = read_screen(golden / "maude" / "edge" / "bad_numeric_control_column")
    ours = screen.estimate()
    as_text = screen.counts.assign(NT=screen.counts["NT"].map({1: "TRUE", 0: "FALSE"}))
    screen.counts = as_text
    np.testing.assert_array_equal(screen.estimate()["z"], ours["z"])
    centre = ours["mean"][as_text["NT"] == "TRUE"].mean()
    assert (as_text["NT"] == "TRUE").sum() > 1
    np.testing.assert_allclose(ours["z"], ours["mean"] - centre, atol=1e-15)
    np.testing.assert_allclose(ours["mean"], screen.expected["mean"], atol=2e-6)


def test_element_without_abundance_does_not_stop_the_others(golden):
    screen = read_screen(golden / "maude" / "edge" / "bad_unsorted_zero_no_pseudo")
    ours = screen.estimate()
    lost = (ours["NS"] == 0) & (ours[screen.params["sort_bins"]].sum(axis=1) > 0)
    assert lost.sum() >= 1
    assert ours["mean"][lost].isna().all()
    assert ours["no_information"].equals(lost)
    assert np.isfinite(ours["mean"][~lost]).all()


def test_abundance_from_bins_as_in_the_reference(golden):
    from cisflow.expression.abundance import abundance_from_bins
    from cisflow.expression.bin_model import bin_model_from_table

    screen = read_screen(golden / "maude" / "designed18")
    expected = (golden / "maude" / "designed18" / "abundance_expected.tsv").read_text().splitlines()
    columns = np.array([line.split("\t")[1:3] for line in expected[1:]], dtype=float)
    counts = screen.counts[screen.params["sort_bins"]].to_numpy()
    share = bin_model_from_table(screen.bins).share
    np.testing.assert_allclose(abundance_from_bins(counts, scale=1), columns[:, 0], rtol=1e-12)
    np.testing.assert_allclose(abundance_from_bins(counts, share, scale=1), columns[:, 1], rtol=1e-12)
    derived = screen.estimate(unsorted_column=None)
    np.testing.assert_allclose(derived["mean"], screen.expected["mean"], atol=2e-6)
