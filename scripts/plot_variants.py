"""Rule plot_variants: effects of a set of variants."""

from cisflow.figures.variants import plot_contact_effects, plot_expression_effects
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    table, name = read_table(snakemake.input.effects), snakemake.wildcards.variants
    plot = plot_contact_effects if "level" in table.columns else plot_expression_effects
    plot(table, read_table(snakemake.input.statuses), name, snakemake.output.svg)
