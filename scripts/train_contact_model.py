"""Rule train_contact_model: train one replicate of a model on a contact map."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles, train_contact_model

with job(snakemake):
    given = snakemake.input
    exclude, start = given.get("exclude", []), given.get("start", [])
    files = ContactFiles(
        given.contacts,
        given.expected,
        given.genome,
        given.get("peaks", []),
        exclude[0] if exclude else None,
        Path(start[0]).parent if start else None,
    )
    train_contact_model(
        files,
        Path(snakemake.output.weights).parent,
        snakemake.params.state,
        snakemake.params.settings,
        snakemake.params.code,
    )
