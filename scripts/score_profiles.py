"""Rule score_profiles: scores of the models of an assay on the test peaks of every fold."""

from cisflow.evaluation.profile_tables import paths_by_fold, score_assay
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.profiles.folds import Fold

with job(snakemake):
    given, settings = snakemake.input, dict(snakemake.params.settings)
    folds = [Fold.of(fold) for fold in settings.pop("folds")]
    paths = paths_by_fold(settings.pop("predicted"), given.predictions)
    tables = score_assay(snakemake.wildcards.assay, folds, given.regions, given.counts, paths, **settings)
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
