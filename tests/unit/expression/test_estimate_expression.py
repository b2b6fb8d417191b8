"""What the rule writes: columns, order, dropped elements, funnel; and the figures drawn from it."""

import json

import numpy as np
import pandas as pd
import pytest

from cisflow.expression.estimate import estimate_expression
from cisflow.expression.maude import estimate_maude
from cisflow.figures.expression import match_truth, plot_distribution, plot_recovery
from cisflow.files import write_table
from cisflow.problems import InputError

COLUMNS = [
    "element", "sequence", "expression", "expression_low", "expression_high", "n_reads", "is_singleton",
    "standard_error",
]  # fmt: skip
MAUDE_COLUMNS = [
    *COLUMNS, "pseudocount_share", "log_likelihood", "log_likelihood_ratio", "z", "at_limit", "no_information",
]  # fmt: skip


def bins_sheet(n_bins, unsorted=False):
    edges = np.linspace(0, 1, n_bins + 1)
    rows = [
        {
            "bin": f"bin{b}",
            "role": "sorted",
            "position": float(b),
            "lower_quantile": edges[b],
            "upper_quantile": edges[b + 1],
            "cells": None,
        }
        for b in range(n_bins)
    ]
    blank = {"role": "unsorted", "position": 0.0, "lower_quantile": None, "upper_quantile": None, "cells": None}
    return [*rows, {"bin": "all", **blank}] if unsorted else rows


def settings(n_bins=6, unsorted=False, **changes):
    return {
        "bin_weights": "depth",
        "pseudocount": 10,
        "limits": [-4, 4],
        "optimum": "global",
        "abundance": "mean",
        "interval": 0.95,
        "bins": bins_sheet(n_bins, unsorted),
    } | changes


@pytest.fixture
def library():
    """Counts of 200 elements in six bins and an unsorted sample, with the truth."""
    random = np.random.default_rng(4)
    sequences = ["".join(s) for s in random.choice(list("ACGT"), (200, 30))]
    truth = random.uniform(0.5, 4.5, 200)
    position = np.arange(6)
    density = np.exp(-0.5 * (position - truth[:, None]) ** 2)
    reads = random.poisson(60 * density / density.sum(axis=1, keepdims=True) * random.uniform(0.3, 2, (200, 1)))
    counts = pd.DataFrame(reads, columns=[f"bin{b}" for b in position])
    counts["all"] = random.poisson(50, 200)
    counts.insert(0, "sequence", sequences)
    counts.insert(0, "element", [f"e{i}" for i in range(200)])
    bins = [f"bin{b}" for b in position]
    counts.loc[7, bins] = 0
    counts.loc[9, [*bins, "all"]] = 0
    counts.loc[11, bins] = [0, 3, 0, 0, 0, 0]
    known = pd.DataFrame(
        {"element": counts["element"], "sequence": sequences, "expression": truth, "standardised": (truth - 2.5) / 1.5}
    )
    return counts, known


def test_bin_mean_table_and_funnel(library):
    counts, _ = library
    table, funnel = estimate_expression(counts, settings(unsorted=True), "lib", "bin-mean")
    assert list(table) == COLUMNS
    assert table["element"].tolist() == [f"e{i}" for i in range(200) if i not in (7, 9)]
    assert table.set_index("element").loc["e11", ["expression", "n_reads", "is_singleton"]].tolist() == [1.0, 3, True]
    assert funnel.to_dict("list") == {
        "library": ["lib"] * 3,
        "method": ["bin-mean"] * 3,
        "step": ["elements", "with reads", "with an estimate"],
        "count": [200, 198, 198],
    }
    assert (table["n_reads"] == counts.filter(like="bin").sum(axis=1)[~counts.index.isin([7, 9])].to_numpy()).all()


def test_maude_uses_the_unsorted_sample_and_keeps_elements_seen_there(library):
    counts, _ = library
    table, funnel = estimate_expression(counts, settings(unsorted=True), "lib", "maude")
    assert list(table) == MAUDE_COLUMNS
    assert table["element"].tolist() == [f"e{i}" for i in range(200) if i != 9]
    assert funnel["count"].tolist() == [200, 199, 199]
    unseen = table.set_index("element").loc["e7"]
    assert unseen["n_reads"] == 0
    assert np.isnan(unseen["standard_error"])
    assert table["z"].isna().all()
    from_bins, _ = estimate_expression(counts, settings(), "lib", "maude")
    assert len(from_bins) == 198
    both = table.merge(from_bins, on="element")
    assert (both["expression_x"] != both["expression_y"]).all()


def test_maude_without_unsorted_sample_is_the_library_function(library):
    from cisflow.expression.abundance import abundance_from_bins
    from cisflow.expression.bin_model import bin_model_from_quantiles

    counts, _ = library
    reads = counts.filter(like="bin").drop(index=[7, 9]).to_numpy()
    edges = np.linspace(0, 1, 7)
    bins = bin_model_from_quantiles([f"bin{b}" for b in range(6)], edges[:-1], edges[1:])
    expected = estimate_maude(reads, abundance_from_bins(reads), None, bins, limits=(-2, 2))
    table, _ = estimate_expression(counts, settings(limits=[-2, 2]), "lib", "maude")
    np.testing.assert_array_equal(table["expression"], expected.mean)
    np.testing.assert_array_equal(table["at_limit"], expected.at_limit)
    weighted, _ = estimate_expression(counts, settings(limits=[-2, 2], abundance="weighted"), "lib", "maude")
    np.testing.assert_allclose(weighted["expression"], table["expression"], atol=1e-9)  # bins of equal share


def test_equal_input_gives_equal_bytes(library, tmp_path):
    counts, _ = library
    for method in ("bin-mean", "maude"):
        for name in ("a", "b"):
            write_table(estimate_expression(counts, settings(), "lib", method)[0], tmp_path / f"{name}.parquet")
        assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_bad_counts_are_told(library):
    counts, _ = library
    with pytest.raises(InputError, match=r'counts.parquet, column "bin5": missing column'):
        estimate_expression(counts.drop(columns="bin5"), settings(), "lib", "bin-mean", "counts.parquet")
    wrong = counts.astype({"bin2": float})
    wrong.loc[3, "bin2"] = 0.5
    with pytest.raises(InputError, match=r'counts row 5, column "bin2": element e3 has 0.5'):
        estimate_expression(wrong, settings(), "lib", "maude")
    with pytest.raises(InputError, match="no element has reads"):
        estimate_expression(counts.iloc[[9]], settings(), "lib", "bin-mean")
    with pytest.raises(InputError, match="'mean' is not one of: bin-mean, maude"):
        estimate_expression(counts, settings(), "lib", "mean")


def test_real_counts_of_the_lac_promoter(shared_data):
    """Kinney et al. 2010: nine gates and the unsorted library."""
    raw = pd.read_csv(shared_data / "sortseq" / "mavenn_sortseq_data.csv.gz")
    names = {f"ct_{b}": f"bin{b - 1}" for b in range(1, 10)} | {"ct_0": "all", "x": "sequence"}
    counts = raw.rename(columns=names).assign(element=lambda t: np.arange(len(t)).astype(str))
    table, funnel = estimate_expression(counts, settings(9, unsorted=True), "lac", "bin-mean")
    sorted_reads = raw[[f"ct_{b}" for b in range(1, 10)]].sum(axis=1)
    assert funnel["count"].tolist() == [len(raw), (sorted_reads > 0).sum(), (sorted_reads > 0).sum()]
    assert table["expression"].between(0, 8).all()
    assert table["standard_error"].gt(0).all()
    one_read = table[table["n_reads"] == 1]
    assert len(one_read) > 1000
    assert (one_read["expression"] % 1 == 0).all()
    assert (table["is_singleton"] == (table["expression"] % 1 == 0)).mean() > 0.999
    # the -10 hexamer TATGTT (bases 64 to 69) is intact in brighter cells
    intact = table["sequence"].str[63:69] == "TATGTT"
    assert table["expression"][intact].mean() > table["expression"][~intact].mean() + 0.5


@pytest.mark.parametrize("method", ["bin-mean", "maude"])
def test_figures(library, tmp_path, method):
    counts, truth = library
    table, _ = estimate_expression(counts, settings(), "lib", method)
    plot_distribution(table, "lib", method, tmp_path / "d.svg")
    plot_recovery(table, truth, "lib", method, tmp_path / "r.svg")
    for stem in ("d", "r"):
        for suffix in (".svg", ".png", ".tsv", ".json"):
            assert (tmp_path / f"{stem}{suffix}").stat().st_size > 100
    caption = json.loads((tmp_path / "d.json").read_text())["caption"]
    assert "198 elements of library lib" in caption
    drawn = pd.read_csv(tmp_path / "d.tsv", sep="\t")
    assert drawn.groupby("panel")["elements"].sum().tolist() == [198, 198]
    caption = json.loads((tmp_path / "r.json").read_text())["caption"]
    assert "198 of 200 true elements (99.0%)" in caption
    matched = pd.read_csv(tmp_path / "r.tsv", sep="\t")
    r = np.corrcoef(matched["truth"], matched["estimate"])[0, 1]
    assert r > 0.9
    assert f"Pearson r = {r:.3f}" in caption


def test_truth_is_matched_by_sequence_with_and_without_flanks(library):
    counts, truth = library
    table, _ = estimate_expression(counts, settings(), "lib", "bin-mean")
    strange = pd.concat([table, table.iloc[:5].assign(sequence="N" * 30)])
    matched, missed, false = match_truth(strange, truth.iloc[::-1], "bin-mean")
    assert (len(matched), missed, false) == (198, 2, 5)
    expected = truth.set_index("element").loc[matched["element"], "expression"]
    np.testing.assert_array_equal(matched["truth"], expected)
    flanked = truth.assign(sequence="TTT" + truth["sequence"] + "GG")
    assert len(match_truth(table, flanked, "bin-mean", "TTT", "GG")[0]) == 198
    with pytest.raises(InputError, match=r"only 0 of 198 estimated sequences are among the true sequences"):
        match_truth(table, flanked, "bin-mean")
    with pytest.raises(InputError, match=r'column "standardised": missing column; needed to judge maude'):
        match_truth(table, truth.drop(columns="standardised"), "maude")
