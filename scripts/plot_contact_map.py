"""Rule plot_contact_map: observed over expected contacts of a region."""

from cisflow.figures.contacts import plot_contact_map
from cisflow.joblog import job

with job(snakemake):
    plot_contact_map(
        snakemake.input.contacts,
        snakemake.input.expected,
        snakemake.wildcards.map,
        snakemake.params.settings["chromosomes"],
        snakemake.output.svg,
        truth=snakemake.input.get("truth") or None,
    )
