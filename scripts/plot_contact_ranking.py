"""Rule plot_contact_ranking: ranks and scores of the contact models of a map."""

from cisflow.figures.contact_ranking import contact_ranking_figures
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, output, name = snakemake.input, snakemake.output, snakemake.wildcards.view
    tables = (read_table(given[key]) for key in ("bootstrap", "ranking", "comparisons"))
    titles = (f"Ranking of the contact models, {name}", f"Ranks by both scores, {name}")
    drawn = contact_ranking_figures(*tables)
    for (figure, table, caption), title, svg in zip(drawn, titles, (output.svg, output.ranks_svg), strict=True):
        save_figure(figure, table, svg, title, caption)
