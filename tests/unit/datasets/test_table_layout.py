"""Training tables as studies bring them: several files, FASTA beside the values, orientation and folds in names."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cisflow.datasets.build import SplitSettings, build_dataset
from cisflow.datasets.fold_rows import rows_of_fold
from cisflow.datasets.folds import FoldSettings, build_folds
from cisflow.datasets.layout import TableLayout, read_training_rows
from cisflow.datasets.sources import read_test, read_train
from cisflow.problems import InputError
from cisflow.settings.dataset_columns import further_columns, layout_problems, measurement_labels, table_layout

NAMES = {"sequence": "Sequence", "expression": "Dev", "element": "ID"}
HEADS = {"expression_housekeeping": "Hk"}


def write(path, *lines):
    path.write_text("\n".join("\t".join(map(str, line)) for line in lines) + "\n")
    return path


@pytest.fixture
def tables(tmp_path):
    head = ("ID", "Sequence", "Dev", "Hk")
    one = write(tmp_path / "1.tsv", head, ("chrX_1_+_a", "ACGT", 1.5, -1), ("chrX_1_-_a", "ACGA", 2, 0.5))
    two = write(tmp_path / "2.tsv", head, ("chr2L_7_+_b", "ACGC", 3, 4), ("chrX_1_+_a", "ACGT", 1.5, -1))
    return [one, two]


def test_tables_follow_each_other_and_shared_rows_count_once(tables):
    layout = TableLayout(NAMES, HEADS, reverse_pattern="_-_", fold_pattern="^(chr[^_]+)_")
    rows = read_training_rows(tables, [], layout)
    assert rows["element"].to_list() == ["chrX_1_+_a", "chrX_1_-_a", "chr2L_7_+_b"]
    assert rows["expression"].to_list() == [1.5, 2, 3]
    assert rows["expression_housekeeping"].to_list() == [-1, 0.5, 4]
    assert rows["is_reverse"].to_list() == [False, True, False]
    assert rows["fold"].to_list() == ["chrX", "chrX", "chr2L"]


def test_rows_without_names_are_numbered_through(tmp_path):
    paths = [write(tmp_path / name, ("ACGT", value), ("ACGG", value)) for name, value in (("a.txt", 1), ("b.txt", 2.5))]
    rows = read_training_rows(paths, [])
    assert rows["element"].to_list() == ["train0", "train1", "train2", "train3"]
    assert rows.columns == ["element", "sequence", "expression", "n_reads", "is_singleton"]


def test_sequences_and_names_from_fasta(tmp_path):
    table = write(tmp_path / "activity.txt", ("Dev", "Hk"), (1, 2), (3, 4))
    fasta = tmp_path / "sequences.fa"
    fasta.write_text(">chr2L_5_+ first\nACGT\nacgt\n>chr2L_5_- second\nNNGG\n")
    layout = TableLayout({"expression": "Dev"}, {"hk": "Hk"}, reverse_pattern="_-")
    rows = read_training_rows([table], [fasta], layout)
    assert rows["element"].to_list() == ["chr2L_5_+", "chr2L_5_-"]
    assert rows["sequence"].to_list() == ["ACGTACGT", "NNGG"]
    assert rows["hk"].to_list() == [2, 4]
    fasta.write_text(">one\nACGT\n")
    with pytest.raises(InputError, match=r"sequences\.fa: 1 records, but .*activity\.txt has 2 rows"):
        read_training_rows([table], [fasta], layout)
    fasta.write_text("ACGT\n")
    with pytest.raises(InputError, match="expected FASTA"):
        read_training_rows([table], [fasta], layout)


def test_problems_of_every_table_are_told_together(tables, tmp_path):
    write(tables[0], ("ID", "Sequence", "Dev", "Hk"), ("a", "ACGT", 1, "x"))
    with pytest.raises(InputError) as error:
        read_training_rows([*tables, tmp_path / "none.tsv"], [], TableLayout(NAMES, HEADS))
    assert "1.tsv row 2, column \"Hk\": 'x'; expected a finite number" in str(error.value)
    assert "none.tsv: file not found" in str(error.value)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"reverse_pattern": "_Reversed:"}, "is found in no name of an element, such as 'chrX_1_+_a'"),
        ({"reverse_pattern": "chr"}, "is found in every name of an element"),
        ({"fold_pattern": "^(chrX)_"}, "element 'chr2L_7_+_b': the pattern '^(chrX)_' finds no fold"),
        ({"reverse_pattern": "(?=x)"}, "not a regular expression that can be searched"),
    ],
)
def test_patterns_that_find_nothing(tables, layout, said):
    with pytest.raises(InputError) as error:
        read_training_rows(tables, [], TableLayout(NAMES, **layout))
    assert said in str(error.value)


def random_rows(n, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "element": [f"e{i}" for i in range(n)],
            "sequence": ["".join(rng.choice(list("ACGT"), 40)) for _ in range(n)],
            "expression": rng.normal(size=n),
            "expression_housekeeping": rng.normal(size=n),
            "n_reads": pl.Series([None] * n, dtype=pl.Int64),
            "is_singleton": [False] * n,
            "is_reverse": [i % 2 == 1 for i in range(n)],
        }
    )


def split_settings(**changes):
    plain = {"dataset": "d", "seed": 1, "validation": 0.2, "test": 0.2, "max_distance": 3, "homology_score": 25}
    return SplitSettings(**{**plain, **changes})


def test_orientation_and_further_measurements_pass_through_a_split(tmp_path):
    rows = random_rows(40)
    built = build_dataset(rows, None, split_settings()).table
    assert built.columns[-2:] == ["split", "pos"]
    joined = built.join(rows, on="element", suffix="_given")
    for column in ("expression_housekeeping", "is_reverse"):
        assert joined[column].to_list() == joined[f"{column}_given"].to_list()
    test = write(tmp_path / "test.tsv", ("pos", "sequence", "expression"), (5, "ACGTACGTACGTACGT", 1))
    given = read_test(test, None, None, "_Reversed:")
    built = build_dataset(rows, given, split_settings()).table.filter(pl.col("split") == "test")
    assert built["is_reverse"].to_list() == [False]
    assert built["expression_housekeeping"].to_list() == [None]
    unmarked = build_dataset(rows, read_test(test, None), split_settings()).table
    assert unmarked["is_reverse"].null_count() == 0


def test_orientation_and_further_measurements_pass_through_folds():
    rows = random_rows(40)
    settings = FoldSettings("d", 1, ["1", "2", "3"], False, None, "random", 3, 25)
    table = build_folds(rows, settings).table.to_pandas()
    training = rows_of_fold(table, "1", "2")
    columns = ["element", "sequence", "expression", "n_reads", "is_singleton"]
    assert training.columns.tolist() == [*columns, "expression_housekeeping", "is_reverse", "split", "pos"]
    assert training["is_reverse"].tolist() == rows["is_reverse"].to_list()


def mutated(sequence, place):
    return sequence[:place] + ("A" if sequence[place] != "A" else "C") + sequence[place + 1 :]


def test_validation_rows_that_are_given_stay_and_leaking_rows_before_them_go():
    pool = random_rows(60)
    train, validation = pool[:40], pool[40:50]
    test = pool[50:].with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64))
    near = [mutated(validation["sequence"][2], 7), mutated(test["sequence"][1], 3)]
    sequences = train["sequence"].to_list()
    sequences[4], sequences[9] = near
    train = train.with_columns(sequence=pl.Series(sequences))
    sequences = validation["sequence"].to_list()
    sequences[5] = mutated(test["sequence"][8], 20)
    validation = validation.with_columns(sequence=pl.Series(sequences))
    built = build_dataset(train, test, split_settings(), validation)
    assert built.table["split"].value_counts(sort=True).rows() == [("train", 38), ("test", 10), ("validation", 9)]
    assert set(built.table.filter(pl.col("split") == "validation")["element"]) <= set(validation["element"])
    assert built.leakage["removed"].to_list() == [1, 1, 1]
    assert built.leakage["pairs_before"].to_list() == [1, 1, 1]
    assert built.leakage["pairs_after"].sum() == 0
    steps = dict(built.funnel.select("step", "count").iter_rows())
    assert steps["validation rows"] == 10
    assert steps["not near-identical to one of a later split"] == 47
    kept = build_dataset(train, test, split_settings(method="random"), validation)
    assert kept.table["split"].value_counts(sort=True)["count"].to_list() == [40, 10, 10]
    assert kept.leakage["pairs_after"].to_list() == [1, 1, 1]
    assert kept.table["pos"].to_list() == [-1] * 50 + list(range(10))


def test_given_splits_that_leave_too_little_are_refused():
    pool = random_rows(30)
    test = pool[:10].with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64))
    with pytest.raises(InputError, match="9 training and 11 validation rows are left"):
        build_dataset(pool[5:19], test, split_settings(), pool[19:])


def test_files_of_the_challenge_are_read_as_they_are(tmp_path):
    train = write(tmp_path / "train.txt", ("ACGT", 11.0), ("ACGG", 5.25))
    assert read_train([train], None)["is_singleton"].to_list() == [True, False]
    assert read_train([], None) is None


COLUMNS = (
    "train_table sequence_files validation_table test_table test_library sequence_column expression_column "
    "element_column fold_column further_columns reverse_pattern fold_pattern"
)


def sheet_row(**changes):
    return {**dict.fromkeys(COLUMNS.split()), "train_table": "t.tsv", "_row": 2, **changes}


def test_layout_from_the_sheet():
    row = sheet_row(further_columns="hk = Hk_log2, other=Other log2", expression_column="Dev", reverse_pattern="_-_")
    assert further_columns(row) == {"hk": "Hk_log2", "other": "Other log2"}
    assert measurement_labels(row) == {"expression": "Dev", "hk": "Hk_log2", "other": "Other log2"}
    assert TableLayout(**table_layout(row)).names == {"expression": "Dev"}
    assert layout_problems([row], "s") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_table": None, "sequence_column": "s"}, "'s' is about train_table, but there is none"),
        ({"train_table": None, "further_columns": "a=b"}, "'a=b' is about train_table, but there is none"),
        ({"train_table": "a,b", "sequence_files": "c"}, "1 FASTA files for 2 tables"),
        ({"further_columns": "pos = p"}, "'pos' is a column of every dataset"),
        ({"reverse_pattern": "("}, "'(' is no regular expression"),
        ({"fold_pattern": "^chr"}, "has 0 groups in parentheses; expected one, the fold"),
        ({"fold_pattern": "^(chr)", "fold_column": "f"}, "give fold_column or fold_pattern, not both"),
        ({"validation_table": "v.tsv"}, "expected a test_table or test_library beside it"),
    ],
)
def test_layouts_that_cannot_be_meant(changes, said):
    problems = layout_problems([sheet_row(**changes)], "datasets.tsv")
    assert len(problems) == 1
    assert said in str(problems[0])
