"""Rule download_file: fetch a public file from its mirrors, continuing what an earlier attempt began."""

from cisflow.downloads.fetch import fetch
from cisflow.downloads.source import Source
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    fetch(Source(**settings["source"]), settings["folder"], settings["place"])
