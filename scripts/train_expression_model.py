"""Rule train_expression_model: train one model with one seed and write its bundle."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.models.train import train_expression_model

with job(snakemake):
    train_expression_model(
        snakemake.input.dataset,
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        snakemake.params.settings,
        snakemake.params.code,
    )
