"""Rule plot_ranking: ranks and total scores of the models of a dataset."""

from cisflow.figures.challenge import rank_distribution_figure
from cisflow.figures.evaluation import ranking_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    bootstrap, ranking = read_table(snakemake.input.bootstrap), read_table(snakemake.input.ranking)
    figure, table, caption = ranking_figure(bootstrap, ranking, read_table(snakemake.input.ceiling))
    save_figure(figure, table, snakemake.output.svg, f"Ranking of the models of {snakemake.wildcards.dataset}", caption)
    figure, table, caption = rank_distribution_figure(bootstrap, ranking)
    title = f"Ranks by both scores, {snakemake.wildcards.dataset}"
    save_figure(figure, table, snakemake.output.rank_distribution_svg, title, caption)
