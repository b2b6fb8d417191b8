"""Rule plot_funnel: draw where the reads of a library are lost."""

import pandas as pd

from cisflow.figures.reads import plot_read_funnel
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    plot_read_funnel(
        pd.concat([read_table(path) for path in snakemake.input.reads], ignore_index=True),
        read_table(snakemake.input.clusters),
        snakemake.wildcards.library,
        snakemake.output.svg,
    )
