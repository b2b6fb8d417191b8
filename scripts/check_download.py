"""Rule check_download: size and digests of a public file, fetched or a local copy, against what was published."""

from cisflow.downloads.check import check_file
from cisflow.downloads.source import Source
from cisflow.files import write_json
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    found = check_file(snakemake.input[0], Source(**settings["source"]), settings["folder"])
    write_json(found, snakemake.output[0])
