"""Rule plot_design: predictions of a designed library by subset, and how its sequences evolved."""

from cisflow.figures.design import save_design
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    order, history = read_table(snakemake.input.order), read_table(snakemake.input.history)
    svgs = (snakemake.output.library, snakemake.output.evolution)
    save_design(order, history, snakemake.params.settings["models"], svgs, snakemake.wildcards.design)
