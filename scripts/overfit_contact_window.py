"""Rule overfit_contact_window: whether a recipe can learn one training window by heart."""

from pathlib import Path

from cisflow.diagnosis.overfit import overfit_window
from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles

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
    overfit_window(files, snakemake.output[0], snakemake.params.settings, snakemake.params.code)
