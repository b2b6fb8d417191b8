"""Rule overfit_contact_window: whether a recipe can learn one training window by heart."""

from cisflow.diagnosis.overfit import overfit_window
from cisflow.joblog import job
from cisflow.models.contact_train import ContactFiles

with job(snakemake):
    overfit_window(
        ContactFiles.of_rule(snakemake.input), snakemake.output[0], snakemake.params.settings, snakemake.params.code
    )
