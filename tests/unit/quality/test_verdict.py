"""Verdicts: nothing on good libraries, and each fault raises its own check and no other."""

import numpy as np
import pandas as pd
import pytest
from sorted_toys import bins_sheet, funnel, good_counts

from cisflow.quality.checks import verdicts
from cisflow.quality.verdict import OK, overall, verdict_table

BINS = [row["bin"] for row in bins_sheet()]


@pytest.fixture(scope="module")
def good():
    return good_counts()


def raised(counts, reads_funnel=None, bins=None):
    """Rows of the verdict that are not ok."""
    table = verdict_table(verdicts(counts, bins or bins_sheet(), funnel() if reads_funnel is None else reads_funnel))
    return table[table["verdict"] != OK]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_good_library_passes_every_check(seed):
    table = verdict_table(verdicts(good_counts(seed=seed), bins_sheet(), funnel()))
    assert set(table["verdict"]) == {OK}
    assert set(table["check"]) == {
        "bin empty", "bin order", "depth", "elements with few reads", "dominant element", "uneven bins",
        "pairs merged", "flanks found", "length kept",
    }  # fmt: skip
    assert overall(table, "toy") == (OK, "Library toy looks good: every check passed.")


def test_low_depth(good):
    found = raised(good_counts(reads=2.0))
    assert set(found["check"]) == {"depth", "elements with few reads"}
    assert set(found["verdict"]) == {"fail"}
    assert set(raised(good_counts(reads=9.0))["check"]) == {"depth"}


def test_few_reads_without_low_median(good):
    counts = good.copy()
    one_read = counts.loc[:750, BINS].rank(axis=1, method="first", ascending=False) == 1
    counts.loc[:750, BINS] = one_read.astype(int)
    assert set(raised(counts)["check"]) == {"elements with few reads"}


@pytest.mark.parametrize(("a", "b"), [(0, 1), (4, 5), (2, 9), (10, 11)])
@pytest.mark.parametrize("reads", [6, 40])
def test_swapped_bins_are_named(a, b, reads):
    counts = good_counts(elements=8000, reads=reads, seed=5)
    counts[[BINS[a], BINS[b]]] = counts[[BINS[b], BINS[a]]].to_numpy()
    found = raised(counts)
    found = found[~found["check"].isin(["depth", "elements with few reads"])]  # few reads on purpose
    assert found["check"].tolist() == ["bin order"]
    assert found["bin"].tolist() == [f"{BINS[a]},{BINS[b]}"]
    assert found["verdict"].tolist() == ["fail"]
    assert f"{BINS[a]} and {BINS[b]} look exchanged" in found["sentence"].iloc[0]


@pytest.mark.parametrize(("elements", "reads"), [(200, 2), (200, 10), (1000, 0.5), (1000, 4)])
def test_few_reads_do_not_accuse_the_order(elements, reads):
    for seed in range(5):
        found = raised(good_counts(elements=elements, reads=reads, cells=5, seed=seed))
        assert "bin order" not in set(found["check"])


def test_a_bin_with_the_reads_of_all_elements_is_odd_but_not_a_swap(good):
    counts = good.copy()
    rng = np.random.default_rng(3)
    everywhere = counts[BINS].sum(axis=1)
    counts["bin00"] = rng.multinomial(counts["bin00"].sum(), everywhere / everywhere.sum())
    found = raised(counts)
    assert found["check"].tolist() == ["bin order"]
    assert found["verdict"].tolist() == ["warn"]
    assert "no exchange of two bins explains it" in found["sentence"].iloc[0]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_background_in_the_lowest_gate_is_no_exchange(good, share):
    counts = good.copy()
    rng = np.random.default_rng(3)
    everywhere = counts[BINS].sum(axis=1)
    background = rng.multinomial(round(share * counts["bin00"].sum()), everywhere / everywhere.sum())
    counts["bin00"] = rng.binomial(counts["bin00"], 1 - share) + background
    assert "fail" not in set(raised(counts)["verdict"])
    counts[["bin03", "bin07"]] = counts[["bin07", "bin03"]].to_numpy()
    found = raised(counts)
    assert found[["check", "bin", "verdict"]].to_numpy().tolist() == [["bin order", "bin03,bin07", "fail"]]


def test_empty_bin(good):
    found = raised(good.assign(bin07=0))
    assert found[["check", "bin", "verdict"]].to_numpy().tolist() == [["bin empty", "bin07", "fail"]]


def test_dominant_element(good):
    counts = good.copy()
    counts.loc[17, BINS] *= 1 + 10_000 // counts.loc[17, BINS].sum()
    found = raised(counts)
    assert set(found["check"]) == {"dominant element"}
    assert "e17 has" in found[found["bin"] == ""]["sentence"].iloc[0]


def test_jackpot_in_one_bin(good):
    counts = good.copy()
    counts.loc[3, "bin02"] += counts["bin02"].sum() // 2
    found = raised(counts)
    assert found[["check", "bin"]].to_numpy().tolist() == [["dominant element", "bin02"]]


def test_few_elements_have_large_shares_without_fault():
    assert raised(good_counts(elements=15, reads=300, cells=300)).empty


def test_uneven_bin(good):
    rng = np.random.default_rng(4)
    found = raised(good.assign(bin06=rng.binomial(good["bin06"], 0.02)))
    assert found[["check", "bin"]].to_numpy().tolist() == [["uneven bins", "bin06"]]
    assert "fewer reads" in found["sentence"].iloc[0]


def test_reads_in_proportion_to_cells_are_even(good):
    bins = [row | {"cells": float(good[row["bin"]].sum()) / 3} for row in bins_sheet()]
    bins[6]["cells"] /= 50
    counts = good.assign(bin06=np.random.default_rng(4).binomial(good["bin06"], 0.02))
    assert "uneven bins" not in set(raised(counts, bins=bins)["check"])


@pytest.mark.parametrize(
    ("step", "check"), [("merged", "pairs merged"), ("flanks", "flanks found"), ("length", "length kept")]
)
@pytest.mark.parametrize(("share", "verdict"), [(0.7, "warn"), (0.3, "fail")])
def test_step_that_few_reads_pass(good, step, check, share, verdict):
    found = raised(good, funnel(**{f"b03_{step}": share}))
    assert found[["check", "bin", "verdict"]].to_numpy().tolist() == [[check, "bin03", verdict]]


def test_one_bad_file_of_a_good_bin_is_named(good):
    lanes = []
    for lane, share in (("L1.fq", 0.97), ("L2.fq", 0.97), ("L3.fq", 0.4)):
        lanes.append(funnel(b05_merged=share).assign(file=lane))
    found = raised(good, pd.concat(lanes, ignore_index=True))
    assert found[["check", "bin"]].to_numpy().tolist() == [["pairs merged", "bin05"]]
    assert "file L3.fq" in found["sentence"].iloc[0]


def test_overall_names_the_worst():
    counts = good_counts(reads=9.0).assign(bin07=0)
    verdict, sentence = overall(verdict_table(verdicts(counts, bins_sheet())), "toy")
    assert verdict == "fail"
    assert sentence.startswith("Do not use library toy before this is settled: bin bin07 has no reads")
    assert sentence.endswith("(1 more below.)")
