"""Rule assess_contact_map: figures, verdict and page of a contact map."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.quality.assess_map import assess_map
from cisflow.quality.contact_map import read_map_quality

FILES = ("contacts", "quality", "balancing", "distance_law", "by_chromosome", "compartments", "insulation")

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    quality = read_map_quality(
        snakemake.wildcards.map,
        {name: given[name] for name in FILES},
        settings["test"],
        given.get("replicate") or None,
        settings["replicate"] or "",
    )
    assess_map(
        quality,
        snakemake.wildcards.run,
        Path(snakemake.output.page).parents[1],
        {Path(svg).stem.rpartition(".")[2]: svg for svg in snakemake.output.figures},
        snakemake.output.verdict,
        snakemake.output.page,
    )
