"""Rule count_elements: unique sequences per bin and their elements to counts per element and bin."""

import polars as pl

from cisflow.clusters.elements import Elements, count_elements
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    counts, funnel = count_elements(
        Elements(pl.read_parquet(snakemake.input.members), pl.read_parquet(snakemake.input.elements)),
        dict(zip(settings["bins"], snakemake.input.bins, strict=True)),
        snakemake.wildcards.library,
        settings["kind"],
    )
    write_table(counts, snakemake.output.counts)
    write_table(funnel, snakemake.output.funnel)
