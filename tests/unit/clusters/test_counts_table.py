"""Tables of counts made elsewhere: what is read, summed and refused; the real lac promoter table."""

import gzip

import polars as pl
import pytest

from cisflow.clusters.counts_table import import_counts
from cisflow.problems import InputError

COLUMNS = {"low": "ct_1", "high": "ct_2", "unsorted": "ct_0"}
TEXT = "set\tct_0\tct_1\tct_2\tx\na\t1\t2\t3\tACGT\nb\t0\t0\t0\tGGNA\na\t4\t5.0\t6\tacgt\nc\t7\t8\t9\tTTTT\n"


def problems(path, text, columns=COLUMNS, sequence_column="x"):
    path.write_text(text)
    with pytest.raises(InputError) as error:
        import_counts(path, sequence_column, columns, "lac")
    return str(error.value)


@pytest.mark.parametrize("form", ["tsv", "csv", "csv.gz", "parquet"])
def test_rows_in_order_with_equal_sequences_summed(tmp_path, form):
    path = tmp_path / f"counts.{form}"
    if form == "parquet":
        pl.read_csv(TEXT.encode(), separator="\t").write_parquet(path)
    else:
        data = (TEXT.replace("\t", ",") if "csv" in form else TEXT).encode()
        path.write_bytes(gzip.compress(data) if form.endswith("gz") else data)
    counts, funnel = import_counts(path, "x", COLUMNS, "lac")
    assert counts.columns == ["element", "sequence", "low", "high", "unsorted"]
    assert counts.rows() == [("lac_1", "ACGT", 7, 9, 5), ("lac_2", "GGNA", 0, 0, 0), ("lac_3", "TTTT", 8, 9, 7)]
    assert counts.dtypes[2:] == [pl.Int64] * 3
    steps = {(row[1], row[2]): row[3] for row in funnel.rows()}
    assert steps["low", "reads to assign"] == steps["low", "reads counted"] == 15
    assert steps["all", "rows of the table"] == 4
    assert steps["all", "rows joined to an earlier row with the same sequence"] == 1
    assert steps["all", "elements with reads"] == 2


def test_every_bad_cell_is_told_with_row_column_and_value(tmp_path):
    bad = TEXT.replace("a\t1\t2\t3\tACGT", "a\t-1\t2.5\t\tACUT").replace("TTTT", "")
    said = problems(tmp_path / "c.tsv", bad)
    assert "5 problems with the input" in said
    assert "row 2, column \"ct_0\": '-1' is not a count; expected a whole number, 0 or more" in said
    assert "row 2, column \"ct_1\": '2.5' is not a count" in said
    assert 'row 2, column "ct_2": the count is missing' in said
    assert "row 2, column \"x\": 'ACUT' holds other letters; expected only A, C, G, T and N" in said
    assert 'row 5, column "x": the sequence is missing' in said


@pytest.mark.parametrize("value", ["NA", "nan", "1e3", "1,000", "inf", "0x1"])
def test_values_that_are_not_counts(tmp_path, value):
    said = problems(tmp_path / "c.tsv", TEXT.replace("\t7\t", f"\t{value}\t"))
    assert f"row 5, column \"ct_0\": '{value}' is not a count" in said


def test_missing_columns_are_told_with_the_nearest_name(tmp_path):
    said = problems(tmp_path / "c.tsv", TEXT, {"low": "ct1", "high": "ct_2"}, "seq")
    assert "row 1, column \"seq\": missing column (did you mean 'set'?); there are: set, ct_0, ct_1, ct_2, x" in said
    assert "row 1, column \"ct1\": missing column (did you mean 'ct_1'?)" in said


def test_many_problems_are_cut_short(tmp_path):
    said = problems(tmp_path / "c.tsv", "ct_0\tct_1\tct_2\tx\n" + "1\t1\t-1\tACGT\n" * 60)
    assert said.count("is not a count") == 20
    assert "and 40 more problems like these" in said


@pytest.mark.parametrize(("text", "said"), [("", "the file is empty"), ("ct_0\tct_1\tct_2\tx\n", "no rows")])
def test_empty_tables(tmp_path, text, said):
    assert said in problems(tmp_path / "c.tsv", text)


def test_rows_of_unequal_length(tmp_path):
    assert "not a table separated by" in problems(tmp_path / "c.tsv", TEXT + "a\t1\t2\t3\tACGT\textra\n")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none.csv: file not found; expected a table of counts with a header"):
        import_counts(tmp_path / "none.csv", "x", COLUMNS, "lac")


def test_real_table(shared_data):
    columns = {f"gate{i}": f"ct_{i}" for i in range(1, 10)} | {"unsorted": "ct_0"}
    counts, funnel = import_counts(shared_data / "sortseq" / "mavenn_sortseq_data.csv.gz", "x", columns, "lac")
    assert counts.shape == (50518, 12)
    assert counts["element"][0] == "lac_00001"
    assert counts["sequence"].is_unique().all()
    assert counts["unsorted"].sum() == 5799
    assert counts.select(pl.sum_horizontal(*columns)).to_series().sum() == 51853
    assert funnel.filter(pl.col("bin") == "all")["count"].to_list() == [50518, 0, 50518, 50518]
