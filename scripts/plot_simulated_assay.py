"""Rule plot_simulated_assay: what was put into a simulated accessibility assay."""

import numpy as np

from cisflow.figures.accessibility import simulated_assay_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, assay = snakemake.input, snakemake.wildcards.assay
    counts = np.load(given.counts, mmap_mode="r")
    with np.load(given.truth) as truth:
        figure, table, caption = simulated_assay_figure(
            dict(truth), read_table(given.regions), counts, snakemake.params.settings["jitter"], assay
        )
    save_figure(figure, table, snakemake.output.svg, f"Simulated assay {assay}", caption)
