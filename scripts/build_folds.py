"""Rule build_folds: test and validation folds of every row of a dataset."""

from cisflow.datasets.folds import FoldSettings, build_folds
from cisflow.datasets.layout import TableLayout, read_training_rows
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, dict(snakemake.params.settings)
    rows = read_training_rows(given.train_table, given.get("sequence_files", []), TableLayout(**settings.pop("layout")))
    folds = build_folds(rows, FoldSettings(**settings))
    write_table(folds.table, snakemake.output.folds)
    write_table(folds.leakage, snakemake.output.leakage)
    write_table(folds.funnel, snakemake.output.funnel)
