"""Rule plot_contact_differences: how well models predict the difference between two maps."""

from cisflow.figures.contact_scores import difference_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    names = (snakemake.wildcards.view, snakemake.wildcards.other)
    figure, table, caption = difference_figure(read_table(snakemake.input[0]), names)
    save_figure(figure, table, snakemake.output.svg, f"Difference between {names[0]} and {names[1]}", caption)
