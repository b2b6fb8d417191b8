"""Rule gather_variants: one table of a set of variants."""

from cisflow.joblog import job
from cisflow.variants.gather import gather_variants

with job(snakemake):
    gather_variants(list(snakemake.input), snakemake.output.effects, snakemake.output.statuses)
