"""Rule train_contact_model: train one replicate of a model on a contact map."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles, train_contact_model

with job(snakemake):
    train_contact_model(
        ContactFiles.of_rule(snakemake.input),
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        snakemake.params.settings,
        snakemake.params.code,
    )
