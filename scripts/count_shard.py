"""Rule count_shard: a share of the reads of one bin to a sorted run of unique sequences."""

import tempfile
from pathlib import Path

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.count import ReadSettings, count_runs
from cisflow.reads.funnel import funnel_table
from cisflow.reads.sorted_runs import merge_runs, write_run

with job(snakemake):
    library, name, shard = (snakemake.wildcards[key] for key in ("library", "bin", "shard"))
    memory_mb = snakemake.config["reads"]["memory_mb"]
    settings = ReadSettings(**snakemake.params.settings["reads"], memory_mb=memory_mb)
    with tempfile.TemporaryDirectory(dir=Path(snakemake.output.run).parent, prefix=f".{name}.{shard}.") as folder:
        runs, funnel = count_runs(
            snakemake.input.read1,
            snakemake.input.get("read2", []),
            settings,
            folder,
            what=f"{library} {name} shard {shard}",
            barcodes=snakemake.params.settings["barcodes"],
            shard=int(shard),
        )
        write_run(merge_runs(runs), settings.row_words + 1, snakemake.output.run)
    write_table(funnel_table(library, name, funnel), snakemake.output.funnel)
