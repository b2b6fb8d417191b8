"""Rule train_contact_model: train one replicate of a model on a contact map."""

from pathlib import Path

from cisflow.execution import with_saving
from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles, train_contact_model

with job(snakemake):
    settings = with_saving(snakemake.params.settings, snakemake.config)
    settings["recipe"] = {**settings["recipe"], **snakemake.params.tested_on}
    train_contact_model(
        ContactFiles.of_rule(snakemake.input),
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        settings,
        snakemake.params.code,
    )
