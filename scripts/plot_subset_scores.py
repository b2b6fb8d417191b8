"""Rule plot_subset_scores: correlations of the models of a dataset per test subset, and the gaps between them."""

from cisflow.figures.challenge import gaps_figure
from cisflow.figures.evaluation import subset_scores_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    scores = read_table(snakemake.input.scores)
    figure, table, caption = subset_scores_figure(scores, read_table(snakemake.input.ceiling))
    save_figure(figure, table, snakemake.output.svg, f"Scores per subset, {snakemake.wildcards.dataset}", caption)
    figure, table, caption = gaps_figure(scores)
    title = f"Gaps between the models, {snakemake.wildcards.dataset}"
    save_figure(figure, table, snakemake.output.gaps_svg, title, caption)
