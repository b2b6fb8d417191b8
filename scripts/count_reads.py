"""Rule count_reads: FASTQ files of one bin to counts of unique sequences."""

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.count import ReadSettings, count_reads

with job(snakemake):
    library, name = snakemake.wildcards.library, snakemake.wildcards.bin
    counts = count_reads(
        snakemake.input.read1,
        snakemake.input.get("read2", []),
        ReadSettings(**snakemake.params.settings),
        what=f"{library} {name}",
    )
    write_table(counts.table, snakemake.output.counts)
    write_table(counts.funnel_table(library, name), snakemake.output.funnel)
