"""Rule score_profile_shard: scores of the models of an assay on the test peaks of some of its folds."""

from cisflow.evaluation.profile_tables import fold_tables, paths_by_fold
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.profiles.folds import Fold

with job(snakemake):
    given, settings = snakemake.input, dict(snakemake.params.settings)
    folds = [Fold.of(fold) for fold in settings.pop("folds")]
    paths = paths_by_fold(settings.pop("predicted"), given.predictions)
    tables = fold_tables(snakemake.wildcards.assay, folds, given.regions, given.counts, paths, **settings)
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
