"""Rule train_expression_model: train one model with one seed and write its bundle."""

from pathlib import Path

from cisflow.execution import with_saving
from cisflow.joblog import job
from cisflow.models.train import train_expression_model

with job(snakemake):
    train_expression_model(
        snakemake.input.dataset,
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        with_saving(snakemake.params.settings, snakemake.config),
        snakemake.params.code,
    )
