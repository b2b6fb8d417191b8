"""Rule diagnose_contact_model: figures, verdict and page of a contact model."""

from pathlib import Path

from cisflow.diagnosis.assess import assess_contact_model
from cisflow.joblog import job

TABLES = ("ceiling", "by_distance", "targets", "histogram", "scores", "one_window")

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    assess_contact_model(
        {name: given[name] for name in TABLES if given.get(name)},
        dict(zip([f"seed {seed}" for seed in settings["seeds"]], given.histories, strict=True)),
        dict(zip(settings["references"], given.get("references", []), strict=True)),
        dict(snakemake.wildcards.items()),
        settings["references"],
        Path(snakemake.output.page).parents[1],
        {Path(svg).stem.rpartition(".")[2]: svg for svg in snakemake.output.figures},
        snakemake.output.verdict,
        snakemake.output.page,
    )
