"""Group statistics agree with R, given the scale that R drew."""

import numpy as np
import pandas as pd
import pytest
from screens import read_screen

from cisflow.expression.maude_groups import control_scale, group_statistics, overlapping_regions, window_statistics
from cisflow.problems import InputError

NAMES = {
    "numGuides": "n_elements",
    "stoufferZ": "stouffer_z",
    "meanZ": "mean_z",
    "significanceZ": "significance_z",
    "p.value": "p_value",
    "FDR": "fdr",
    "Zscale": "z_scale",
    "chr": "chromosome",
    "pos": "position",
}
TAILS = ["both", "lower", "upper"]


def r_elements(folder):
    """Elements with R's own z values, so that only the group statistics are compared."""
    screen = read_screen(folder)
    keys = [*screen.screen_columns, "id"]
    columns = [c for c in screen.counts if c not in ("NT", *screen.params["sort_bins"])]
    table = screen.counts[columns].merge(screen.expected[[*keys, "NT", "Z"]], on=keys)
    return table.rename(columns={"NT": "is_control", "Z": "z", **NAMES})


def r_table(path):
    return pd.read_csv(path, sep="\t").rename(columns=NAMES)


def same(ours, expected, keys):
    ours = ours.sort_values(keys).reset_index(drop=True)
    expected = expected.sort_values(keys).reset_index(drop=True)
    assert len(ours) == len(expected) > 0
    for key in [*keys, "n_elements"]:
        assert (ours[key] == expected[key]).all()
    for column in ("stouffer_z", "mean_z", "significance_z", "p_value", "fdr"):
        np.testing.assert_allclose(ours[column], expected[column], rtol=1e-9, atol=1e-9 if "z" in column else 0)


@pytest.mark.parametrize("tails", TAILS)
def test_annotated_groups(golden, tails):
    folder = golden / "maude" / "sim6"
    ours = group_statistics(
        r_elements(folder), ["element"], ["screen"], tails, z_scale=r_table(folder / "zscales_used.tsv")
    )
    same(ours, r_table(folder / "elements_expected.tsv").query("tails == @tails"), ["screen", "element"])


@pytest.mark.parametrize("tails", TAILS)
def test_windows(golden, tails):
    folder = golden / "maude" / "tiling6"
    params = read_screen(folder).params
    ours = window_statistics(
        r_elements(folder),
        ["expt"],
        tails,
        window=params["window"],
        least_elements=params["minGuides"],
        z_scale=r_table(folder / "zscales_used_windows.tsv"),
    )
    same(ours, r_table(folder / "windows_expected.tsv").query("tails == @tails"), ["expt", "chromosome", "start"])


@pytest.mark.parametrize("tails", TAILS)
def test_regions(golden, tails):
    folder = golden / "maude" / "tiling6"
    elements = r_elements(folder)
    placed = elements[~elements["is_control"]]
    regions = r_table(folder / "regions.tsv")
    found = overlapping_regions(placed.drop_duplicates("id"), regions)
    expected = r_table(folder / "overlaps_expected.tsv")
    keys = ["id", "name", "chromosome", "position", "start", "end"]
    pd.testing.assert_frame_equal(
        found[keys].sort_values(["name", "id"]).reset_index(drop=True),
        expected[keys].sort_values(["name", "id"]).reset_index(drop=True),
        check_dtype=False,
    )
    with_controls = pd.concat([overlapping_regions(placed, regions), elements[elements["is_control"]]])
    ours = group_statistics(
        with_controls, ["name"], ["expt"], tails, z_scale=r_table(folder / "zscales_used_elements.tsv")
    )
    same(ours, r_table(folder / "elements_expected.tsv").query("tails == @tails"), ["expt", "name"])


def test_scale_is_what_random_draws_tend_to(golden):
    folder = golden / "maude" / "sim6"
    drawn = pd.read_csv(folder / "zscales_montecarlo.tsv", sep="\t")
    ours = control_scale(r_elements(folder), ["screen"])["z_scale"].iloc[0]
    assert ours == pytest.approx(drawn["popsd_ntZ"].iloc[0], rel=1e-12)
    standard_error = drawn["mc_sd"] / np.sqrt(drawn["mc_reps"])
    assert (np.abs(drawn["mc_mean"] - ours) < 4 * standard_error + 0.002 * ours).all()


def test_region_ends_are_inclusive_and_regions_may_overlap():
    elements = pd.DataFrame({"chromosome": ["a", "a", "b", "a"], "position": [10, 20, 15, 21], "name": list("wxyz")})
    regions = pd.DataFrame(
        {"chromosome": ["a", "a", "c"], "start": [10, 20, 0], "end": [20, 20, 99], "region": [1, 2, 3]}
    )
    found = overlapping_regions(elements, regions)
    assert found[["name", "region"]].to_numpy().tolist() == [["w", 1], ["x", 1], ["x", 2]]
    assert overlapping_regions(elements, regions.iloc[2:]).empty


def test_windows_are_maximal_runs():
    table = pd.DataFrame({"chromosome": "a", "position": [0, 5, 10, 11, 30], "z": 1.0, "is_control": False})
    controls = pd.DataFrame({"z": np.tile([-1.0, 1.0], 5), "is_control": True})
    found = window_statistics(pd.concat([table, controls]), window=10, least_elements=2)
    assert found[["start", "end", "n_elements"]].to_numpy().tolist() == [[0, 10, 3], [5, 11, 3]]
    np.testing.assert_allclose(found["stouffer_z"], np.sqrt(3))
    np.testing.assert_allclose(found["significance_z"], np.sqrt(3))


def test_missing_z_is_skipped_in_the_sum_but_counted():
    table = pd.DataFrame({"group": ["g", "g", "h"], "z": [2.0, np.nan, 1.0], "is_control": False})
    controls = pd.DataFrame({"z": [-1.0, 1.0], "is_control": True})
    found = group_statistics(pd.concat([table, controls]), ["group"]).set_index("group")
    assert found.loc["g", "n_elements"] == 2
    assert found.loc["g", "stouffer_z"] == 2
    assert np.isnan(found.loc["g", "mean_z"])


def test_bad_input_is_told():
    table = pd.DataFrame({"chromosome": "a", "position": [1.0, None], "z": 1.0, "is_control": False})
    with pytest.raises(InputError, match=r"0 controls; windows need 10") as error:
        window_statistics(table)
    assert "1 elements that are not controls lack a position" in str(error.value)
    with pytest.raises(InputError, match="'two' is not one of: both, lower, upper"):
        group_statistics(table, ["chromosome"], tails="two")
    with pytest.raises(InputError, match="no controls in some screen"):
        group_statistics(table, ["chromosome"])
    with pytest.raises(InputError, match=r"elements row 3, column \"position\": 1 missing values"):
        overlapping_regions(table, pd.DataFrame({"chromosome": ["a"], "start": [0], "end": [9]}))
