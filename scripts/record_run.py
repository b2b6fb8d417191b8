"""Rule record_run: the manifest of the finished run."""

import json
from pathlib import Path

from cisflow.code_digest import library_hash
from cisflow.joblog import job
from cisflow.provenance import versions
from cisflow.run_manifest import record_run

with job(snakemake):
    command_file = Path(snakemake.params.command)
    record_run(
        Path(snakemake.output[0]).parent,
        seed=snakemake.params.settings["seed"],
        command=json.loads(command_file.read_text())["command"] if command_file.is_file() else None,
        packages=versions(*snakemake.params.packages),
        code=library_hash(),
        threads=snakemake.threads,
    )
