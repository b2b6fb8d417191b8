"""Rule plan: what a run will do, in words, on the screen and in the log."""

from cisflow.joblog import job
from cisflow.planning.apart import print_plan

with job(snakemake):
    print_plan(snakemake.config, snakemake.params.cores, snakemake.log[0])
