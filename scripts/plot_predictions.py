"""Rule plot_predictions: predictions of the models of a dataset against the measurements, for one head."""

from cisflow.evaluation.ranking import read_evaluation
from cisflow.figures.evaluation import predictions_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    evaluation = read_evaluation(given.dataset, given.predictions, None, settings["head"])
    ceiling = read_table(given.ceiling) if given.ceiling else None
    figure, table, caption = predictions_figure(evaluation, ceiling)
    save_figure(figure, table, snakemake.output.svg, f"Predictions and measurements, {settings['title']}", caption)
