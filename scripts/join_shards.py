"""Rule join_shards: sorted runs of the shards of one bin to counts of unique sequences."""

import polars as pl

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.count import ReadSettings, write_bin
from cisflow.reads.funnel import add_shards, funnel_table
from cisflow.reads.sorted_runs import open_run

with job(snakemake):
    funnel = write_bin(
        [open_run(path) for path in snakemake.input.runs],
        add_shards([pl.read_csv(path, separator="\t") for path in snakemake.input.funnels]),
        ReadSettings(**snakemake.params.settings),
        snakemake.output.counts,
    )
    write_table(funnel_table(snakemake.wildcards.library, snakemake.wildcards.bin, funnel), snakemake.output.funnel)
