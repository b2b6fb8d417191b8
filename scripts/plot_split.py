"""Rule plot_split: rows, expression and leakage of the splits of a dataset."""

from cisflow.figures.datasets import split_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    rows = read_table(snakemake.input.dataset, columns=["split", "expression"])
    figure, table, caption = split_figure(rows, read_table(snakemake.input.leakage), **snakemake.params.settings)
    save_figure(figure, table, snakemake.output.svg, f"Split of dataset {snakemake.wildcards.dataset}", caption)
