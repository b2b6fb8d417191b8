"""Rule download_file: fetch a public file from its mirrors, continuing what an earlier attempt began."""

from pathlib import Path

from cisflow.downloads.fetch import fetch
from cisflow.downloads.source import Source
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    place = Path(snakemake.config["data_dir"]) / snakemake.wildcards.source  # where a user can put the file instead
    fetch(Source(**snakemake.params.source), settings["folder"], str(place))
