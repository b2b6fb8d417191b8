"""Rule prepare_contact_map: one resolution, chromosomes named as in the genome, balanced."""

from cisflow.contacts.prepare import prepare_map
from cisflow.joblog import job

with job(snakemake):
    prepare_map(
        snakemake.input.contacts,
        snakemake.input.genome,
        target=snakemake.output.contacts,
        quality=snakemake.output.quality,
        balancing=snakemake.output.balancing,
        rename=snakemake.input.get("rename") or None,
        memory_mb=snakemake.config["contacts"]["memory_mb"],
        **snakemake.params.settings,
        **snakemake.params.checked,
    )
