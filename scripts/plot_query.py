"""Rule plot_query: predicted expression of the sequences of a query."""

from cisflow.figures.queries import plot_predicted_expression
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    table, models = read_table(snakemake.input.table), snakemake.params.settings["models"]
    plot_predicted_expression(table, models, snakemake.wildcards.query, snakemake.output.svg)
