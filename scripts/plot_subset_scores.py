"""Rule plot_subset_scores: correlations of the models of a dataset per test subset."""

from cisflow.figures.evaluation import subset_scores_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    figure, table, caption = subset_scores_figure(
        read_table(snakemake.input.scores), read_table(snakemake.input.ceiling)
    )
    save_figure(figure, table, snakemake.output.svg, f"Scores per subset, {snakemake.wildcards.dataset}", caption)
