"""Rule train_folds: train models for one test fold, one for each of some validation folds."""

from cisflow.execution import with_saving
from cisflow.joblog import job
from cisflow.models.folds import train_folds

with job(snakemake):
    train_folds(
        snakemake.input.folds,
        snakemake.output[0],
        snakemake.params.state,
        with_saving(snakemake.params.settings, snakemake.config),
        snakemake.params.code,
    )
