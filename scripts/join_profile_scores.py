"""Rule join_profile_scores: scores of all folds of an assay, means over the folds and paired tests."""

from cisflow.evaluation.profile_tables import assay_tables, joined_folds
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    given, folds = snakemake.input, snakemake.params.settings["folds"]
    parts = {name: [read_table(path) for path in given[name]] for name in ("regions", "scores")}
    tables = assay_tables(**{name: joined_folds(found, folds) for name, found in parts.items()})
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
