"""Rule plot_subset_scores: correlations of the models of a dataset per test subset, and the gaps between them."""

from cisflow.evaluation.heads import of_head
from cisflow.figures.challenge import gaps_figure
from cisflow.figures.evaluation import subset_scores_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    scores = of_head(read_table(given.scores), settings["head"])
    ceiling = read_table(given.ceiling) if given.ceiling else None
    figure, table, caption = subset_scores_figure(scores, ceiling)
    save_figure(figure, table, snakemake.output.svg, f"Scores per subset, {settings['title']}", caption)
    figure, table, caption = gaps_figure(scores)
    save_figure(figure, table, snakemake.output.gaps_svg, f"Gaps between the models, {settings['title']}", caption)
