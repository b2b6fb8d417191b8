"""Rule plot_speed: training steps, throughput and memory of the networks of a dataset."""

from cisflow.figures.speed import speed_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    summary = read_table(snakemake.input.summary, keep_default_na=False)
    figure, table, caption = speed_figure(read_table(snakemake.input.repeats), summary)
    save_figure(figure, table, snakemake.output.svg, f"Speed of the networks of {snakemake.wildcards.trained}", caption)
