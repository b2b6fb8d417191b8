"""Rule unpack_member: one file of a public archive."""

from cisflow.downloads.archive import unpack_member
from cisflow.files import atomic_path
from cisflow.joblog import job

with job(snakemake), atomic_path(snakemake.output[0]) as target:
    unpack_member(snakemake.input.archive, snakemake.params.settings["member"], target)
