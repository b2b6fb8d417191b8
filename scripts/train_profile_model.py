"""Rules train_bias_model and train_profile_model: train one model of one chromosome fold."""

from pathlib import Path

from cisflow.execution import with_saving
from cisflow.joblog import job
from cisflow.models.profiles.train import ProfileFiles, train_profile_model

with job(snakemake):
    given = snakemake.input
    bias = given.get("bias")
    train_profile_model(
        ProfileFiles(given.regions, given.sequences, given.counts),
        Path(bias).parent if bias else None,
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        with_saving(snakemake.params.settings, snakemake.config),
        snakemake.params.code,
    )
