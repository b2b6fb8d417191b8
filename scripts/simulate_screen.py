"""Rule simulate_screen: regions, or sequences to insert, of a simulated genome."""

from pathlib import Path

from cisflow.joblog import job
from cisflow.simulate.screens import simulate_inserted, simulate_regions

with job(snakemake):
    given, settings, output = snakemake.input, snakemake.params.settings, Path(snakemake.output[0])
    if snakemake.wildcards.part == "inserted.fa":
        simulate_inserted(given.genome, given.peaks, settings["other"], settings["seed"], output)
    else:
        simulate_regions(given.genome, given.peaks, settings["chromosome"], settings["kind"], settings["seed"], output)
