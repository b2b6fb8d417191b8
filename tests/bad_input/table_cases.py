"""Wrong tables: counts, bins, training and test tables, predictions."""

from __future__ import annotations

import gzip

import pandas as pd

from bad_input import case, command, write

BINS = "bin\trole\tposition\tlower_quantile\tupper_quantile\nlow\tsorted\t0\t0\t0.5\nhigh\tsorted\t1\t0.5\t1\n"
COUNTS = "element\tsequence\tlow\thigh\na\tACGT\t10\t5\nb\tACGA\t3\t8\n"


def estimate(folder, counts=COUNTS, bins=BINS, method="bin-mean", *options):
    """Run ``cisflow estimate``."""
    given = write(folder / "counts.tsv", counts), write(folder / "bins.tsv", bins)
    command(
        "estimate",
        "--method",
        method,
        "--counts",
        given[0],
        "--bins",
        given[1],
        "--output",
        folder / "out.tsv",
        *options,
    )


@case(
    "Counts and bins",
    "counts that are negative, missing and not whole",
    "counts.tsv row 2",
    "non-negative whole number",
    "row 3",
)
def _(folder):
    estimate(folder, COUNTS.replace("\t10\t5", "\t-10\t5.5").replace("\t3\t8", "\t\t8"))


@case(
    "Counts and bins",
    "counts that are text",
    "counts.tsv row 2, column \"low\": element a has 'ten'; expected a non-negative whole number",
)
def _(folder):
    estimate(folder, COUNTS.replace("\t10\t", "\tten\t"))


@case("Counts and bins", "a bin without a column of counts", "high")
def _(folder):
    estimate(folder, COUNTS.replace("\thigh", "\thihg"))


@case(
    "Counts and bins",
    "counts separated by semicolons",
    "counts.tsv row 1: columns must be separated by tabs (it looks separated by ';')",
)
def _(folder):
    estimate(folder, COUNTS.replace("\t", ";"))


@case(
    "Counts and bins",
    "an empty table of counts",
    "counts.tsv: cannot be read as a table (No columns to parse from file)",
)
def _(folder):
    estimate(folder, "")


@case(
    "Counts and bins",
    "a table of counts in UTF-16",
    "counts.tsv: cannot be read as a table ('utf-8' codec can't decode",
)
def _(folder):
    estimate(folder, COUNTS.encode("utf-16"))


@case(
    "Counts and bins",
    "a gate above 1, and one that ends before it begins",
    'bins.tsv, column "upper_quantile"',
    "expected a share between 0 and 1",
)
def _(folder):
    estimate(
        folder, bins=BINS.replace("\t0\t0.5\n", "\t0.5\t0.2\n").replace("\t0.5\t1\n", "\t0.5\t1.2\n"), method="maude"
    )


@case(
    "Counts and bins",
    "bins without the ends of their gates",
    'bins.tsv row 1, column "upper_quantile": missing column; MAUDE needs it',
)
def _(folder):
    estimate(folder, bins=BINS.replace("\tupper_quantile", "\tupper"), method="maude")


def imported(folder, content, name="counts.tsv"):
    """Read counts as source ``counts`` of the libraries sheet does."""
    from cisflow.clusters.counts_table import import_counts

    import_counts(write(folder / name, content), "sequence", {"low": "low", "high": "high"}, "lib")


@case(
    "Counts and bins",
    "source counts: a missing column, and one with a similar name",
    "missing column (did you mean 'hihg'?)",
)
def _(folder):
    imported(folder, COUNTS.replace("\thigh", "\thihg"))


@case(
    "Counts and bins",
    "source counts: other letters, numbers with a comma, missing and huge values",
    "holds other letters",
    "'1,5' is not a count",
    "the count is missing",
    "is not a count",
)
def _(folder):
    imported(folder, COUNTS.replace("ACGT\t10\t5", "ACGU\t1,5\t").replace("\t3\t8", "\t3\t" + "9" * 30))


@case("Counts and bins", "source counts: a Parquet file that is none", "counts.parquet: not a Parquet table")
def _(folder):
    imported(folder, COUNTS, "counts.parquet")


def training(folder, content, name="train.tsv", **options):
    """Read a training table."""
    from cisflow.datasets.tables import read_training_table

    read_training_table(write(folder / name, content), **options)


@case("Tables of a dataset", "a training table that is not there", "train.tsv: file not found; expected a text table")
def _(folder):
    from cisflow.datasets.tables import read_training_table

    read_training_table(folder / "train.tsv")


@case(
    "Tables of a dataset",
    "sequences with other letters, expression that is text, NaN, infinite or missing",
    "'ACGU' holds 'U'",
    "'NaN'; expected a finite number",
    "'1,5'",
    "'inf'",
    "empty; expected a finite number",
    "train.tsv row 6",
)
def _(folder):
    training(folder, "sequence\texpression\nACGU\t1\nACGT\tNaN\nACGA\t1,5\nACGC\tinf\nACGG\t\n")


@case(
    "Tables of a dataset",
    "a misspelt column",
    "missing column (did you mean 'sequense'?); the columns are: sequense, expression",
)
def _(folder):
    training(folder, "sequense\texpression\nACGT\t1\n")


@case(
    "Tables of a dataset",
    "names of columns that differ in blanks only",
    'row 1, column "expression": this column is there more than once',
)
def _(folder):
    training(folder, "sequence\texpression\texpression \nACGT\t1\t2\n")


@case("Tables of a dataset", "a column called `row`", 'column "row": a column of this name is kept for line numbers')
def _(folder):
    training(folder, "row\tsequence\texpression\n1\tACGT\t1\n")


@case("Tables of a dataset", "a header and no rows", "train.tsv: the table has no rows; expected at least one")
def _(folder):
    training(folder, "sequence\texpression\n")


@case("Tables of a dataset", "an empty file", "train.tsv: the file is empty")
def _(folder):
    training(folder, "")


@case("Tables of a dataset", "a line with a cell too many", "not a table with equally many cells in every line")
def _(folder):
    training(folder, "sequence\texpression\nACGT\t1\nACGA\t2\t3\t4\n")


@case(
    "Tables of a dataset",
    "a gzip table cut short",
    "train.tsv.gz: not a table",
    "unexpected end of file",
)
def _(folder):
    training(folder, gzip.compress(b"sequence\texpression\nACGT\t1\n", mtime=0)[:-9], "train.tsv.gz")


@case("Tables of a dataset", "text called .parquet", "train.parquet: not a Parquet table")
def _(folder):
    training(folder, "sequence\texpression\nACGT\t1\n", "train.parquet")


@case(
    "Tables of a dataset",
    "FASTA records that are fewer than the rows",
    "1 records, but",
    "has 2 rows; expected one for each",
)
def _(folder):
    fasta = write(folder / "train.fa", ">a\nACGT\n")
    training(folder, "expression\n1\n2\n", names={"expression": "expression"}, fasta=fasta)


@case(
    "Tables of a dataset",
    "a test table with places that repeat or are negative",
    "'-1'; expected a whole number from 0 on",
    "3 was already given in row 2",
)
def _(folder):
    from cisflow.datasets.tables import read_test_table

    read_test_table(write(folder / "test.tsv", "pos\tsequence\texpression\n3\tACGT\t1\n-1\tACGA\t2\n3\tACGC\t3\n"))


@case(
    "Tables of a dataset",
    "a folder of subsets that holds none",
    "test_subset_ids: no subset found; expected one or more of high_exp_seqs.csv",
)
def _(folder):
    from cisflow.evaluation.subsets import some_layout

    (folder / "test_subset_ids").mkdir()
    some_layout(folder / "test_subset_ids")


@case(
    "Tables of a dataset",
    "subsets with negative places and with a missing column",
    "expected row numbers of the test table from 0 on; see rows [3]",
)
def _(folder):
    from cisflow.evaluation.subsets import some_layout

    write(folder / "subsets" / "high_exp_seqs.csv", "pos\n1\n-2\n")
    some_layout(folder / "subsets")


@case("Tables of a dataset", "a public leaderboard that is no JSON", "high_exp_indices.json row 1: not valid JSON")
def _(folder):
    from cisflow.evaluation.subsets import some_layout

    write(folder / "subsets" / "high_exp_indices.json", "{'1': 0}")
    some_layout(folder / "subsets")


def score(folder, submission, name="team.json", truth="ACGT\t1\nACGA\t2\nACGC\t3\n"):
    """Run ``cisflow score`` on one submission."""
    command(
        "score",
        "--truth",
        write(folder / "truth.tsv", truth),
        "--output",
        folder / "scores.tsv",
        write(folder / name, submission),
    )


@case(
    "Predictions",
    "JSON with repeated and missing rows, one that is none, and values that are no finite numbers",
    "team.json",
    "given more than once",
    "expected a key that is a row number",
    "NaN; expected a finite number",
    "expected a finite number",
    "no row of the ground truth",
)
def _(folder):
    score(folder, '{"0": 1, "0": 2, "one": 2, "1": "3,5", "2": NaN, "7": null}')


@case("Predictions", "JSON with a trailing comma", "team.json row 2: not valid JSON")
def _(folder):
    score(folder, '{"0": 1,\n "1": }')


@case("Predictions", "a JSON list", "holds a list; expected a JSON object")
def _(folder):
    score(folder, "[1, 2, 3]")


@case("Predictions", "JSON nested 100,000 times", "not valid JSON: nested too deeply")
def _(folder):
    score(folder, "[" * 100_000)


@case(
    "Predictions",
    "numbers too large for any float or index",
    "expected a finite number",
    "expected a key that is a row number",
)
def _(folder):
    score(folder, '{"0": 1' + "0" * 400 + ', "99999999999999999999999": 2, "1": 1, "2": 1}')


@case("Predictions", "a table with a header and a row too few", "(these tables have no header)", "team.tsv")
def _(folder):
    score(folder, "sequence\tprediction\nACGT\t1\n", "team.tsv")


@case(
    "Predictions",
    "a table in another order",
    "the sequences are those of the ground truth in another order; here is 'ACGA', expected 'ACGT'",
)
def _(folder):
    score(folder, "ACGA\t2\nACGT\t1\nACGC\t3\n", "team.tsv")


@case(
    "Predictions", "a submission that is not there, and a ground truth that is empty", "truth.tsv: the file has no rows"
)
def _(folder):
    score(folder, "{}", truth="")


def predicted(folder, content, name="predictions.tsv"):
    """Bring predictions made elsewhere into a study."""
    from cisflow.evaluation.imported import import_predictions

    pd.DataFrame({"pos": [0, 1, 2], "split": "test"}).to_parquet(folder / "dataset.parquet")
    import_predictions(write(folder / name, content), folder / "dataset.parquet", folder / "out.parquet")


@case(
    "Predictions",
    "a study's predictions without the column pos",
    'column "pos": missing column; the columns are position, team',
)
def _(folder):
    predicted(folder, "position\tteam\n0\t1\n")


@case(
    "Predictions",
    "a study's predictions with text among the numbers",
    "'high' is not a finite number (1 such cells)",
    'row 3, column "team"',
)
def _(folder):
    predicted(folder, "pos\tteam\n0\t1\n1\thigh\n2\t3\n")


@case("Predictions", "a study's predictions of some test rows only", "2 test rows have no prediction, e.g. [1, 2]")
def _(folder):
    predicted(folder, "pos\tteam\n0\t1\n7\t2\n")


@case(
    "Predictions",
    "a study's predictions in a Parquet file that is cut short",
    "predictions.parquet: cannot be read as a table",
)
def _(folder):
    predicted(folder, b"PAR1\x15\x04", "predictions.parquet")
