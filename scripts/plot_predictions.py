"""Rule plot_predictions: predictions of the models of a dataset against the measurements."""

from cisflow.evaluation.ranking import read_evaluation
from cisflow.figures.evaluation import predictions_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    evaluation = read_evaluation(given.dataset, given.predictions, None)
    figure, table, caption = predictions_figure(evaluation, read_table(given.ceiling))
    save_figure(
        figure, table, snakemake.output.svg, f"Predictions and measurements, {snakemake.wildcards.dataset}", caption
    )
