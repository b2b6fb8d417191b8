"""Rule plot_simulated_library: true expression, gates, cells and reads of a simulated library."""

from cisflow.figures.simulate import simulated_library
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    simulated_library(
        read_table(snakemake.input.truth),
        read_table(snakemake.input.bins),
        snakemake.wildcards.library,
        snakemake.output.svg,
    )
