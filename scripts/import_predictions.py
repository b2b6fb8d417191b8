"""Rule import_predictions: predictions made elsewhere, in the form of the workflow."""

from cisflow.evaluation.imported import import_predictions
from cisflow.joblog import job

with job(snakemake):
    import_predictions(snakemake.input.predictions, snakemake.input.dataset, snakemake.output[0])
