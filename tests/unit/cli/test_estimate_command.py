"""`cisflow estimate` on the reference screens as they lie, on bins sheets, and on bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cisflow.cli.main import main

GOLDEN = Path(__file__).parents[2] / "golden" / "maude"
SCREENS = ["sim6", "tiling6", "designed18"]
SCREENS += sorted(f"edge/{p.name}" for p in (GOLDEN / "edge").iterdir() if not p.name.startswith("bad_"))
REFUSED = sorted(
    p.name
    for p in (GOLDEN / "edge").glob("bad_*")
    if p.name not in ("bad_numeric_control_column", "bad_unsorted_zero_no_pseudo")
)


def estimate(folder, output, *more, method="maude"):
    files = ["--counts", f"{folder}/counts.tsv", "--bins", f"{folder}/bins.tsv", "--params", f"{folder}/params.json"]
    return main(["estimate", "--method", method, *files, "--output", str(output), *more])


def agree(ours, expected, counts, mean_tolerance=2e-6):
    assert ours["id"].tolist() == counts["id"].tolist()  # in the order of the input
    keys = ["id"] + [c for c in ("screen", "expt") if c in counts and c in expected]
    both = ours.merge(expected, on=keys, suffixes=("", "_r"))
    assert len(both) == len(ours)
    found = (both["ll_r"] - both["ll_global"]).abs() < 1e-6 * (1 + both["ll_r"].abs())
    assert found.mean() > 0.9
    np.testing.assert_allclose(both["libFraction"], both["libFraction_r"], rtol=1e-12)
    np.testing.assert_allclose(both["mean"][found], both["mean_r"][found], rtol=0, atol=mean_tolerance)
    np.testing.assert_allclose(both["Z"][found], both["Z_r"][found], rtol=0, atol=2 * mean_tolerance)
    assert (both["ll"] >= both["ll_r"] - 1e-6 * (1 + both["ll_r"].abs())).all()
    assert (both["llRatio"].isna() == both["llRatio_r"].isna()).all()
    known = found & both["llRatio"].notna()
    assert ((both["llRatio"] - both["llRatio_r"])[known].abs() <= 5e-5 * (1 + both["llRatio_r"][known].abs())).all()


@pytest.mark.parametrize("name", SCREENS)
def test_reference_screens_as_they_lie(name, tmp_path):
    assert estimate(GOLDEN / name, tmp_path / "out.tsv") == 0
    tolerance = {"edge/wide_limits": 5e-4, "edge/huge_counts": 1e-5}.get(name, 2e-6)
    tables = [GOLDEN / name / f"{table}.tsv" for table in ("guides_expected", "counts")]
    agree(pd.read_csv(tmp_path / "out.tsv", sep="\t"), *(pd.read_csv(t, sep="\t") for t in tables), tolerance)


@pytest.mark.parametrize("name", ["kinney_hexamer9", "kinney_sequence9"])
def test_real_screens_as_they_lie(name, tmp_path, shared_golden):
    folder = shared_golden / "maude" / name
    assert estimate(folder, tmp_path / "out.parquet") == 0
    expected, counts = (pd.read_csv(folder / f"{table}.tsv", sep="\t") for table in ("guides_expected", "counts"))
    agree(pd.read_parquet(tmp_path / "out.parquet"), expected, counts)


def test_local_search_of_the_package(tmp_path):
    folder = GOLDEN / "edge" / "sparse_and_extreme"
    assert estimate(folder, tmp_path / "out.tsv", "--optimum", "r") == 0
    ours, expected = pd.read_csv(tmp_path / "out.tsv", sep="\t"), pd.read_csv(folder / "guides_expected.tsv", sep="\t")
    both = ours.merge(expected, on="id", suffixes=("", "_r"))
    np.testing.assert_allclose(both["mean"], both["mean_r"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_bad_screens_leave_a_message_and_no_file(name, tmp_path, capsys):
    assert estimate(GOLDEN / "edge" / name, tmp_path / "out.tsv") == 1
    said = capsys.readouterr().err
    assert f"{name}/counts.tsv" in said or f"{name}/bins.tsv" in said
    assert "expected" in said or "need" in said or "missing" in said or "no edges" in said or "covers no cells" in said
    assert list(tmp_path.iterdir()) == []


def test_groups_windows_and_regions(tmp_path):
    folder = GOLDEN / "tiling6"
    more = ["--windows", tmp_path / "w.tsv", "--groups", tmp_path / "g.tsv", "--regions", folder / "regions.tsv"]
    assert estimate(folder, tmp_path / "out.tsv", *map(str, more), "--window", "200", "--tails", "upper") == 0
    windows, groups = (pd.read_csv(tmp_path / name, sep="\t") for name in ("w.tsv", "g.tsv"))
    for ours, name, keys in (
        (windows, "windows_expected", ["expt", "chr", "start", "end"]),
        (groups, "elements_expected", ["expt", "name"]),
    ):
        expected = pd.read_csv(folder / f"{name}.tsv", sep="\t").query("tails == 'upper'")
        both = expected.merge(ours, on=keys, suffixes=("_r", ""))
        assert len(both) == len(expected) == len(ours) > 0
        assert (both["numGuides"] == both["numGuides_r"]).all()
        np.testing.assert_allclose(both["stoufferZ"], both["stoufferZ_r"], atol=1e-4)
        np.testing.assert_allclose(both["meanZ"], both["meanZ_r"], atol=1e-4)
        # R draws the scale of the controls (a few runs of 100 controls); ours is its expectation
        ratio = both["significanceZ"] / both["significanceZ_r"]
        assert abs(ratio.median() - 1) < 0.1
        assert ratio.between(0.75, 1.25).mean() > 0.99


def test_labels_make_groups(tmp_path):
    groups = ["--groups", str(tmp_path / "g.tsv"), "--group-columns", "element"]
    assert estimate(GOLDEN / "sim6", tmp_path / "out.tsv", *groups) == 0
    expected = pd.read_csv(GOLDEN / "sim6" / "elements_expected.tsv", sep="\t").query("tails == 'both'")
    both = expected.merge(pd.read_csv(tmp_path / "g.tsv", sep="\t"), on=["screen", "element"], suffixes=("_r", ""))
    assert len(both) == 200
    np.testing.assert_allclose(both["stoufferZ"], both["stoufferZ_r"], atol=1e-5)


def test_options_come_before_the_file_of_parameters(tmp_path):
    assert estimate(GOLDEN / "sim6", tmp_path / "a.tsv", "--limits", "-0.5", "0.5", "--control-centre", "median") == 0
    ours = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    assert ours["mean"].abs().max() == 0.5
    np.testing.assert_allclose(ours["Z"], ours["mean"] - ours["mean"][ours["NT"]].median(), atol=1e-12)


def test_bin_mean_of_a_screen(tmp_path):
    assert estimate(GOLDEN / "designed18", tmp_path / "out.tsv", "--bin-weights", "raw", method="bin-mean") == 0
    ours = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    expected = pd.read_csv(GOLDEN / "designed18" / "abundance_expected.tsv", sep="\t")
    np.testing.assert_allclose(ours["mean"], expected["bin_weighted_average"], rtol=1e-12)


SHEET = pd.DataFrame(
    {
        "library": "lib",
        "bin": list("abc"),
        "role": "sorted",
        "position": [0, 1, 2],
        "lower_quantile": [0, 0.3, 0.6],
        "upper_quantile": [0.3, 0.6, 1],
    }
)
COUNTS = pd.DataFrame({"element": ["x", "y"], "sequence": ["AC", "GT"], "c": [0, 9], "a": [7, 1], "b": [3, 2]})


@pytest.mark.parametrize("method", ["bin-mean", "maude"])
def test_bins_sheet_gives_the_table_of_the_workflow(method, tmp_path):
    import yaml

    from cisflow.cli.options import CHECKOUT
    from cisflow.expression.estimate import estimate_expression

    settings = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())["estimate"]
    SHEET.to_csv(tmp_path / "bins.tsv", sep="\t", index=False)
    COUNTS.to_parquet(tmp_path / "counts.parquet")
    files = ["--counts", f"{tmp_path}/counts.parquet", "--bins", f"{tmp_path}/bins.tsv"]
    assert main(["estimate", "--method", method, *files, "--output", f"{tmp_path}/out.parquet"]) == 0
    rows = [{**row, "cells": None} for row in SHEET.drop(columns="library").to_dict("records")]
    expected, _ = estimate_expression(COUNTS, {**settings, "bins": rows}, "lib", method)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--counts", "absent.tsv", "--output", "o.tsv"], "absent.tsv: file not found; expected a table of counts"),
        (["--output", "o.xlsx"], "o.xlsx"),
        (["--output", "o.tsv", "--groups", "g.tsv"], "needs --group-columns or --regions"),
        (["--output", "o.tsv", "--limits", "4", "-4"], "expected a lower and a higher number"),
        (["--output", "o.tsv", "--sorted-bins", "A", "Z"], 'column "Z": missing column'),
        (["--output", "o.tsv", "--pseudocount", "-3"], "--pseudocount: -3 must be at least 0"),
        (["--output", "o.tsv", "--group-columns", "element"], "need --groups FILE"),
    ],
)
def test_bad_arguments(arguments, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = GOLDEN / "sim6"
    given = {"--counts": f"{folder}/counts.tsv", "--bins": f"{folder}/bins.tsv", "--params": f"{folder}/params.json"}
    pairs = [part for key, value in given.items() if key not in arguments for part in (key, value)]
    assert main(["estimate", "--method", "maude", *pairs, *arguments]) == 1
    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_unknown_parameter(tmp_path, capsys):
    (tmp_path / "p.json").write_text('{"pseudocounts": 3}')
    files = ["--counts", f"{GOLDEN}/sim6/counts.tsv", "--bins", f"{GOLDEN}/sim6/bins.tsv"]
    given = ["estimate", "--method", "maude", *files, "--params", f"{tmp_path}/p.json", "--output", f"{tmp_path}/o.tsv"]
    assert main(given) == 1
    assert "unknown key (did you mean 'pseudocount'?)" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["merge", "count", "cluster", "estimate"])
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"example:\n  cisflow {command} " in capsys.readouterr().out


@pytest.mark.parametrize("method", ["bin-mean", "maude"])
def test_level_of_the_interval(method, tmp_path):
    widths = {}
    for level in ("0.5", "0.95"):
        assert estimate(GOLDEN / "sim6", tmp_path / "out.tsv", "--interval", level, method=method) == 0
        ours = pd.read_csv(tmp_path / "out.tsv", sep="\t")
        assert (ours["mean_low"] <= ours["mean"]).all()
        assert (ours["mean"] <= ours["mean_high"]).all()
        widths[level] = (ours["mean_high"] - ours["mean_low"]).median()
    assert 2 < widths["0.95"] / widths["0.5"] < 4  # 2.9 for a normal distribution


def test_columns_of_the_package_are_taken_where_none_is_named(tmp_path, capsys):
    folder = GOLDEN / "sim6"
    files = ["--counts", f"{folder}/counts.tsv", "--bins", f"{folder}/bins.tsv"]
    assert main(["estimate", "--method", "maude", *files, "--output", f"{tmp_path}/out.tsv"]) == 0
    said = capsys.readouterr().err
    assert 'unsorted column: column "NS"' in said
    assert 'control column: column "NT"' in said
    counts, expected = (pd.read_csv(folder / f"{name}.tsv", sep="\t") for name in ("counts", "guides_expected"))
    agree(pd.read_csv(tmp_path / "out.tsv", sep="\t"), expected, counts)
    none = ["--control-column", "", "--unsorted-column", ""]
    assert main(["estimate", "--method", "maude", *files, *none, "--output", f"{tmp_path}/none.tsv"]) == 0
    ours = pd.read_csv(tmp_path / "none.tsv", sep="\t")
    assert ours["Z"].isna().all()
    assert not np.allclose(ours["libFraction"], expected["libFraction"], rtol=1e-3)
