"""Rule train_contact_model: train one replicate of a model on a contact map."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles, train_contact_model

with job(snakemake):
    given = snakemake.input
    train_contact_model(
        ContactFiles(given.contacts, given.expected, given.genome, given.get("peaks", [])),
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        snakemake.params.settings,
        snakemake.params.code,
    )
