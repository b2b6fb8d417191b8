"""Rule list_models: the trained models of a run, one line each."""

from pathlib import Path

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.models.card import list_bundles

with job(snakemake):
    folders = sorted({Path(path).parent for path in snakemake.input})
    write_table(list_bundles(folders), snakemake.output[0])
