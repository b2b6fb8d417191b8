"""Rules simulate_reads_<library>: read pairs of every bin of a library."""

from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.simulate.library import sequence_library

with job(snakemake):
    sequence_library(
        read_table(snakemake.input.truth, columns=["sequence"]),
        read_table(snakemake.input.bin_reads),
        snakemake.output.read1,
        snakemake.output.read2,
        **snakemake.params.settings,
    )
