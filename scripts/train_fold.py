"""Rule train_fold: train one model for one test fold and one validation fold."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.models.folds import train_fold

with job(snakemake):
    train_fold(
        snakemake.input.folds,
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        snakemake.params.settings,
        snakemake.params.code,
    )
