"""Rule plot_changes: measured and predicted changes of expression within the pairs of a dataset, for one head."""

from cisflow.evaluation.heads import of_head
from cisflow.evaluation.ranking import read_evaluation
from cisflow.evaluation.subsets import common_folder
from cisflow.figures.challenge import changes_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    subsets = common_folder(given.get("subsets"))
    evaluation = read_evaluation(given.dataset, given.predictions, subsets, settings["head"])
    ranking = of_head(read_table(given.ranking), settings["head"])
    figure, table, caption = changes_figure(evaluation, ranking["model"].tolist())
    save_figure(figure, table, snakemake.output.svg, f"Changes of expression, {settings['title']}", caption)
