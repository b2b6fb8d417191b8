"""Tables of sequences and expression: every accepted form, and every problem in words."""

import gzip

import numpy as np
import polars as pl
import pytest

from cisflow.datasets.sources import read_test, read_train
from cisflow.datasets.tables import read_test_table, read_training_table
from cisflow.problems import InputError


def write(path, text):
    path.write_text(text)
    return path


def test_table_without_header_and_last_line_break(tmp_path):
    path = tmp_path / "train.txt.gz"
    with gzip.open(path, "wt") as handle:
        handle.write("ACGT\t11.5\nACNT\t12.0\nACGA\t7")
    table = read_training_table(path)
    assert table["sequence"].to_list() == ["ACGT", "ACNT", "ACGA"]
    assert table["expression"].to_list() == [11.5, 12.0, 7.0]
    assert table["is_singleton"].to_list() == [False, True, True]
    assert table["element"].to_list() == ["train0", "train1", "train2"]
    assert table["n_reads"].null_count() == 3


@pytest.mark.parametrize("name", ["t.tsv", "t.csv"])
def test_table_with_header_in_any_order_of_columns(tmp_path, name):
    separator = "," if name.endswith("csv") else "\t"
    lines = [("expression", "fold", "sequence", "element"), ("-1.25", "3", "ACGT", "e1"), ("2", "1", "AC", "e2")]
    table = read_training_table(write(tmp_path / name, "\n".join(separator.join(line) for line in lines) + "\n"))
    assert table["element"].to_list() == ["e1", "e2"]
    assert table["expression"].to_list() == [-1.25, 2.0]


def test_challenge_sample(shared_data):
    table = read_training_table(shared_data / "expression" / "dream" / "demo_train.txt.gz")
    assert len(table) == 6370
    assert table["sequence"].str.contains("N").sum() == 25
    lengths = table["sequence"].str.len_bytes()
    assert (lengths.min(), lengths.max()) == (87, 135)
    whole = table["expression"].to_numpy() % 1 == 0
    np.testing.assert_array_equal(table["is_singleton"].to_numpy(), whole)


def test_public_test_rows(shared_data):
    table = read_test_table(shared_data / "expression" / "dream" / "test_public.tsv.gz")
    assert len(table) == 9045
    assert table["pos"][0] == 2
    assert table["expression"][0] == pytest.approx(0.398692283648616, abs=0)
    assert not table["is_singleton"].any()


def test_test_table_without_header_counts_rows(golden):
    table = read_test_table(golden / "dream" / "scoring" / "ground_truth.tsv")
    assert table["pos"].to_list() == list(range(300))
    assert table["expression"][1] == -0.65433


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("ACGT\t1\nACXTx\t2\n", ["row 2", "holds 'X', 'x'; expected A, C, G, T and N"]),
        ("sequence\texpression\nACGT\t\nACGT\tnan\nACGT\tten\n", ["row 2", "empty", "row 3", "row 4", "'ten'"]),
        ("sequence\texpression\n\t2\n", ["row 2", "the sequence is empty"]),
        ("sequence\texpression\n", ["the table has no rows"]),
        ("", ["the file is empty"]),
        ("seq\texpression\nACGT\t1\n", ['column "sequence"', "missing column (did you mean 'seq'?)"]),
        ("ACGT\t1\nACGT\t1\t2\t3\n", ["not a table with equally many cells in every line"]),
        ("ACGT,1\nAC,2\n", ["missing column"]),
    ],
)
def test_bad_training_tables(tmp_path, text, messages):
    with pytest.raises(InputError) as caught:
        read_training_table(write(tmp_path / "bad.tsv", text))
    for message in messages:
        assert message in str(caught.value)


def test_many_problems_are_counted(tmp_path):
    path = write(
        tmp_path / "bad.tsv", "".join("ACGT\t1\n" for _ in range(5)) + "".join("ACGU\tx\n" for _ in range(200))
    )
    with pytest.raises(InputError) as caught:
        read_training_table(path)
    assert "row 6" in str(caught.value)
    assert "and 190 more sequences like these" in str(caught.value)
    assert "and 190 more cells that are not finite numbers" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pos\tsequence\texpression\n1\tAC\t1\n1\tAC\t2\n", 'row 3, column "pos": 1 was already given in row 2'),
        ("pos\tsequence\texpression\n-1\tAC\t1\n", "'-1'; expected a whole number from 0 on"),
        ("pos\tsequence\texpression\n1.5\tAC\t1\n", "'1.5'; expected a whole number from 0 on"),
        ("sequence\texpression\nAC\t1\n", 'column "pos": missing column'),
        ("pos\tsequence\ta_expression\tb_expression\n1\tAC\t1\t2\n", "expected one column of measurements"),
        ("pos\tsequence\tvalue\n1\tAC\t1\n", "expected one column of measurements"),
    ],
)
def test_bad_test_tables(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        read_test_table(write(tmp_path / "bad.tsv", text))
    assert message in str(caught.value)


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(InputError, match="file not found"):
        read_training_table(tmp_path / "none.tsv")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"ACGT\t1\n" * 5000)[:40])
    with pytest.raises(InputError, match=r"cut\.txt\.gz"):
        read_training_table(tmp_path / "cut.txt.gz")


@pytest.fixture
def library(tmp_path):
    table = pl.DataFrame(
        {
            "element": ["c", "a"],
            "sequence": ["ACGTA", "ACGTC"],
            "expression": [1.5, None],
            "n_reads": [7, 3],
            "is_singleton": [False, True],
            "standard_error": [0.1, 0.2],
        }
    )
    table.write_parquet(tmp_path / "designed.maude.parquet")
    return tmp_path / "designed.maude.parquet"


def test_positions_are_rows_of_the_ordered_library(tmp_path, library):
    ordered = write(tmp_path / "ordered.tsv", "a\tACGTC\nb\tACGTG\nc\tACGTA\n")
    rows = read_test(None, library, ordered)
    assert rows["pos"].to_list() == [2, 0]
    assert rows["expression"].is_nan().to_list() == [False, True]
    assert read_test(None, library)["pos"].to_list() == [0, 1]
    assert read_train([], library)["n_reads"].to_list() == [7, 3]
    assert read_train([], None) is None


def test_elements_that_were_not_ordered(tmp_path, library):
    with pytest.raises(InputError, match="element 'c' has an estimate but is not in this library"):
        read_test(None, library, write(tmp_path / "ordered.tsv", "a\tACGTC\nb\tACGTG\n"))


def test_library_without_a_column(tmp_path, library):
    pl.read_parquet(library).drop("n_reads").write_parquet(library)
    with pytest.raises(InputError, match='column "n_reads": missing column'):
        read_train([], library)
