"""Rule simulate_contacts: a genome, its contact map, and what was put into both."""

from cisflow.joblog import job
from cisflow.simulate.contacts import simulate_contacts

with job(snakemake):
    output = snakemake.output
    simulate_contacts(
        snakemake.wildcards.map,
        **snakemake.params.settings,
        fasta=output.fasta,
        mcool=output.mcool,
        truth=output.truth,
        peaks=output.peaks,
    )
