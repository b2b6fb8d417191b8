"""Rule overfit_contact_window: whether a recipe can learn one training window by heart."""

from cisflow.diagnosis.overfit import overfit_window
from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles

with job(snakemake):
    given = snakemake.input
    overfit_window(
        ContactFiles(given.contacts, given.expected, given.genome, given.get("peaks", [])),
        snakemake.output[0],
        snakemake.params.settings,
        snakemake.params.code,
    )
