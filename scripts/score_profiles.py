"""Rules score_profiles and score_profile_shard: scores of the models of an assay on the test peaks of folds."""

from cisflow.evaluation.profile_tables import assay_tables, fold_tables, paths_by_fold
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.profiles.folds import Fold

with job(snakemake):
    given, settings = snakemake.input, dict(snakemake.params.settings)
    folds = [Fold.of(fold) for fold in settings.pop("folds")]
    paths = paths_by_fold(settings.pop("predicted"), given.predictions)
    tables = fold_tables(snakemake.wildcards.assay, folds, given.regions, given.counts, paths, **settings)
    # A shard has some of the folds; what is told of all of them is made when they are joined.
    if snakemake.wildcards.get("shard") is None:
        tables = assay_tables(**tables)
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
