"""Rule simulate_accessibility: a genome, cut sites on it, peaks, and what was put into them."""

from cisflow.joblog import job
from cisflow.simulate.accessibility import simulate_accessibility

with job(snakemake):
    simulate_accessibility(
        snakemake.wildcards.assay, **snakemake.params.settings, output=dict(snakemake.output.items())
    )
