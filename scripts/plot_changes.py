"""Rule plot_changes: measured and predicted changes of expression within the pairs of a dataset."""

from cisflow.evaluation.ranking import read_evaluation
from cisflow.evaluation.subsets import common_folder
from cisflow.figures.challenge import changes_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    evaluation = read_evaluation(given.dataset, given.predictions, common_folder(given.get("subsets")))
    figure, table, caption = changes_figure(evaluation, read_table(given.ranking)["model"].tolist())
    save_figure(figure, table, snakemake.output.svg, f"Changes of expression, {snakemake.wildcards.dataset}", caption)
