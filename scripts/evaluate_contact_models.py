"""Rule evaluate_contact_models: score the models of a contact map on its test windows."""

from cisflow.evaluation.contacts import read_predictions, score_models
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    predictions = read_predictions(dict(zip(settings["models"], snakemake.input, strict=True)))
    scores, summary = score_models(predictions, settings["draws"], settings["seed"], snakemake.wildcards.map)
    write_table(scores, snakemake.output.scores)
    write_table(summary, snakemake.output.summary)
