"""Rule simulate_variants: a few variants of a simulated genome or designed library."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.simulate.variants import simulate_structural, simulate_substitutions

with job(snakemake):
    given, settings, output = snakemake.input, snakemake.params.settings, Path(snakemake.output[0])
    if settings["task"] == "contacts":
        simulate_structural(
            given.genome, given.peaks, settings["chromosome"], settings["other"], settings["seed"], output
        )
    else:
        simulate_substitutions(given.constructs, settings["seed"], output)
