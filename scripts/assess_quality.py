"""Rule assess_quality: figures, verdict and page of a sorted library."""

from pathlib import Path

from cisflow.expression.estimate import with_cells
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.quality.assess import assess
from cisflow.quality.library import read_library

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings["estimate"]
    sorted_cells = read_table(given.sorted_cells) if given.get("sorted_cells") else None
    library = read_library(
        snakemake.wildcards.library,
        given.counts,
        {**settings, "bins": with_cells(settings["bins"], sorted_cells)},
        dict(zip(snakemake.params.settings["methods"], given.estimates, strict=True)),
        given.get("funnels", []),
        given.get("members"),
    )
    assess(
        library,
        snakemake.wildcards.run,
        snakemake.params.settings["seed"],
        Path(snakemake.output.page).parents[1],
        {Path(svg).stem.rpartition(".")[2]: svg for svg in snakemake.output.figures},
        snakemake.output.verdict,
        snakemake.output.page,
        given.get("concordance", []),
        given.get("funnel_figure"),
    )
