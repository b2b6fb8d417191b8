"""Rule simulate_query: sequences or regions of simulated data that models are asked to predict."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.simulate.queries import simulate_promoters
from cisflow.simulate.screens import simulate_regions

with job(snakemake):
    given, settings, output = snakemake.input, snakemake.params.settings, Path(snakemake.output[0])
    if snakemake.wildcards.part == "query.fa":
        simulate_promoters(**settings["flanks"], seed=settings["seed"], path=output)
    else:
        simulate_regions(given.genome, given.peaks, settings["chromosome"], "disruption", settings["seed"], output)
