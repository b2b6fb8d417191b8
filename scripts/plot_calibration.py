"""Rule plot_calibration: coverage of the intervals of a simulated library."""

from cisflow.expression.calibration import coverage_table
from cisflow.expression.estimate import with_cells
from cisflow.figures.calibration import plot_calibration
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    settings, given = snakemake.params.settings, snakemake.input
    bins, truth = read_table(given.bins), read_table(given.truth)
    truth["sequence"] = (
        truth["sequence"].str.removeprefix(settings["distal_flank"]).str.removesuffix(settings["proximal_flank"])
    )
    settings = {**settings, "bins": with_cells(settings["bins"], bins)}
    library, method = snakemake.wildcards.library, snakemake.wildcards.method
    table = coverage_table(read_table(given.counts), truth, bins, settings, method)
    plot_calibration(table, library, method, settings["interval"], snakemake.output.svg)
