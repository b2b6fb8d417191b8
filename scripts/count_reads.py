"""Rule count_reads: FASTQ files of one bin to counts of unique sequences."""

import tempfile
from pathlib import Path

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.count import ReadSettings, count_runs, write_bin
from cisflow.reads.funnel import funnel_table

with job(snakemake):
    library, name = snakemake.wildcards.library, snakemake.wildcards.bin
    memory_mb = snakemake.config["reads"]["memory_mb"]
    settings = ReadSettings(**snakemake.params.settings["reads"], memory_mb=memory_mb)
    with tempfile.TemporaryDirectory(dir=Path(snakemake.output.counts).parent, prefix=f".{name}.") as folder:
        runs, funnel = count_runs(
            snakemake.input.read1,
            snakemake.input.get("read2", []),
            settings,
            folder,
            what=f"{library} {name}",
            barcodes=snakemake.params.settings["barcodes"],
        )
        funnel = write_bin(runs, funnel, settings, snakemake.output.counts)
    write_table(funnel_table(library, name, funnel), snakemake.output.funnel)
