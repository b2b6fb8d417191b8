"""Rule plot_contact_predictions: observed and predicted maps of some test windows."""

from cisflow.evaluation.contact_predictions import read_predictions
from cisflow.figures.contact_models import plot_predicted_maps
from cisflow.joblog import job

with job(snakemake):
    predictions = read_predictions(dict(zip(snakemake.params.models, snakemake.input, strict=True)))
    plot_predicted_maps(predictions, snakemake.wildcards.map, snakemake.output.svg)
