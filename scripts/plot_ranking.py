"""Rule plot_ranking: ranks and total scores of the models of a dataset, for one head."""

from cisflow.evaluation.heads import of_head
from cisflow.figures.challenge import rank_distribution_figure
from cisflow.figures.evaluation import ranking_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    bootstrap, ranking = (of_head(read_table(path), settings["head"]) for path in (given.bootstrap, given.ranking))
    ceiling = read_table(given.ceiling) if given.ceiling else None
    figure, table, caption = ranking_figure(bootstrap, ranking, ceiling)
    save_figure(figure, table, snakemake.output.svg, f"Ranking of the models of {settings['title']}", caption)
    figure, table, caption = rank_distribution_figure(bootstrap, ranking)
    title = f"Ranks by both scores, {settings['title']}"
    save_figure(figure, table, snakemake.output.rank_distribution_svg, title, caption)
