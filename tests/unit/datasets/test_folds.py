"""Folds: each row is tested once, nothing related lies on two sides of drawn folds, given folds are kept, and said."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequence_families import either_strand, mutate

from cisflow.datasets.fold_names import validation_folds
from cisflow.datasets.fold_rows import rows_of_fold
from cisflow.datasets.folds import FoldSettings, build_folds, draw_folds
from cisflow.datasets.tables import read_training_table
from cisflow.problems import InputError
from cisflow.settings.cross_validation import fold_names, fold_problems


def rows(seed=0, n_families=30, fold=None):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n_families):
        root = "".join(rng.choice(list("ACGT"), 40))
        made += [root] + [mutate(root, 1, rng) for _ in range(int(rng.integers(4)))]
    made = [made[i] for i in rng.permutation(len(made))]
    table = pl.DataFrame(
        {
            "element": [f"e{i}" for i in range(len(made))],
            "sequence": made,
            "expression": rng.normal(size=len(made)),
            "n_reads": pl.Series([None] * len(made), dtype=pl.Int64),
            "is_singleton": [False] * len(made),
        }
    )
    return (
        table if fold is None else table.with_columns(fold=pl.Series([fold[i % len(fold)] for i in range(len(made))]))
    )


def options(**changes):
    plain = {"dataset": "d", "seed": 3, "folds": ["1", "2", "3", "4"], "given": False, "inner_folds": None}
    plain |= {"method": "near_identical", "max_distance": 3, "homology_score": 25}
    return FoldSettings(**{**plain, **changes})


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([None, 2, 5]), st.sampled_from(["near_identical", "homology"]))
def test_every_row_is_tested_once_and_never_seen_by_its_models(seed, inner_folds, method):
    table = rows(seed, n_families=90)
    chosen = options(seed=seed, inner_folds=inner_folds, method=method)
    built = build_folds(table, chosen)
    folds = built.table.to_pandas()
    tested = []
    for test in chosen.folds:
        names = validation_folds(chosen.folds, inner_folds, test)
        assert len(names) == (inner_folds or len(chosen.folds) - 1)
        validating = []
        for validation in names:
            split = rows_of_fold(folds, test, validation)
            assert len(split) == len(table)
            tests = split[split["split"] == "test"]
            assert (tests["pos"] >= 0).all()
            assert (split.loc[split["split"] != "test", "pos"] == -1).all()
            validating.append(split.loc[split["split"] == "validation", "element"])
        tested.append(tests["element"])
        assert sorted(pd.concat(validating)) == sorted(set(table["element"]) - set(tests["element"]))
    assert sorted(pd.concat(tested)) == sorted(table["element"])
    assert built.leakage["rows_after"].sum() == 0
    assert built.leakage["rows"].to_list() == [len(t) for t in tested]
    for column in ("fold", "inner"):
        pairs = zip(folds["sequence"], folds[column], strict=True)
        pairs = list(pairs)[:40]
        assert not [1 for i, (a, x) in enumerate(pairs) for b, y in pairs[:i] if x != y and either_strand(a, b) <= 3]


def test_a_random_division_leaks_and_the_table_says_how_much():
    table = rows(4)
    built = build_folds(table, options(method="random"))
    folds = built.table
    for row in built.leakage.iter_rows(named=True):
        own = folds.filter(pl.col("fold") == row["fold"])["sequence"]
        others = folds.filter(pl.col("fold") != row["fold"])["sequence"]
        assert row["rows_after"] == sum(any(either_strand(a, b) <= 3 for b in others) for a in own) > 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=12, max_size=40), st.integers(2, 5), st.integers(0, 99))
def test_drawn_folds_are_nearly_equal_and_keep_families_whole(sizes, n_folds, seed):
    family = np.repeat(np.arange(len(sizes)), sizes)
    fold = draw_folds(family, n_folds, np.random.default_rng(seed))
    assert all(len(set(fold[family == label])) == 1 for label in family)
    counts = np.bincount(fold, minlength=n_folds)
    assert counts.max() - counts.min() <= max(sizes)


def test_given_folds_are_kept_and_rows_of_others_are_never_tested():
    table = rows(1, fold=["chrA", "chrB", "chrC", "chrU"])
    built = build_folds(table, options(folds=["chrA", "chrB", "chrC"], given=True))
    assert built.table["fold"].to_list() == table["fold"].to_list()
    split = rows_of_fold(built.table.to_pandas(), "chrA", "chrB")
    unlisted = split[table["fold"].to_numpy() == "chrU"]
    assert set(unlisted["split"]) == {"train"}


def test_folds_that_are_missing_are_named():
    with pytest.raises(InputError, match="fold 'chrX' has 0 rows") as error:
        build_folds(rows(1, fold=["chrA", "chrB", "chrC"]), options(folds=["chrA", "chrB", "chrX"], given=True))
    assert "chrA, chrB, chrC" in str(error.value)
    with pytest.raises(InputError, match="fewer than 3 rows to test or to validate"):
        build_folds(rows(1, n_families=6), options(folds=[str(i) for i in range(1, 9)]))


def test_columns_of_the_table_may_have_other_names(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("id\tseq\texpression\tlog2\tchrom\na\tACGT\t9\t1.5\tchr1\nb\tGGGT\t9\t2.5\tchr2\n")
    names = {"sequence": "seq", "expression": "log2", "element": "id", "fold": "chrom"}
    table = read_training_table(path, names)
    assert table["expression"].to_list() == [1.5, 2.5]
    assert table["element"].to_list() == ["a", "b"]
    assert table["fold"].to_list() == ["chr1", "chr2"]
    with pytest.raises(InputError, match='column "sq": missing column'):
        read_training_table(path, {**names, "sequence": "sq"})
    path.write_text("id\tseq\tlog2\tchrom\na\tACGT\t1.5\t\nb\tGGGT\tx\tchr2\n")
    with pytest.raises(InputError) as error:
        read_training_table(path, names)
    assert 'row 2, column "chrom": empty' in str(error.value)
    assert 'row 3, column "log2"' in str(error.value)


def sheet_row(**changes):
    columns = "train_table train_library test_library test_table subsets predictions sequence_column expression_column"
    columns += " element_column fold_column fold_pattern folds inner_folds further_columns reverse_pattern"
    plain = dict.fromkeys([*columns.split(), "sequence_files", "validation_table", "models_from"])
    return {**plain, "dataset": "d", "_row": 2, "train_table": "t.tsv", **changes}


def test_names_of_folds_come_from_the_sheet():
    assert fold_names(sheet_row()) == []
    assert fold_names(sheet_row(folds="3")) == ["1", "2", "3"]
    assert fold_names(sheet_row(folds="chr2L, chrX", fold_column="seqnames")) == ["chr2L", "chrX"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folds": "2"}, "expected 3 or more"),
        ({"folds": "1000"}, "expected 3 or more"),
        ({"folds": "a,b,c"}, "name their column"),
        ({"folds": "a,a,b", "fold_column": "f"}, "different names"),
        ({"fold_column": "f"}, "no meaning without folds"),
        ({"inner_folds": 3}, "no meaning without folds"),
        ({"folds": "3", "test_table": "x"}, "no place beside folds"),
        ({"folds": "3", "train_table": None}, "required with folds"),
    ],
)
def test_folds_that_make_no_sense_are_refused(changes, said):
    assert said in "; ".join(map(str, fold_problems([sheet_row(**changes)], "datasets.tsv")))


def test_good_rows_have_no_problems():
    good = [sheet_row(), sheet_row(folds="2", inner_folds=2), sheet_row(folds="a,b,c", fold_column="f")]
    assert fold_problems(good, "datasets.tsv") == []
