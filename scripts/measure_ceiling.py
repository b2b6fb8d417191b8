"""Rule measure_ceiling: how well a perfect model could correlate with the values of a library or sample."""

import numpy as np

from cisflow.expression.noise_ceiling import ceiling_table, measured_values
from cisflow.files import read_table, write_table
from cisflow.joblog import job
from cisflow.randomness import generator

with job(snakemake):
    estimated, method = snakemake.wildcards.estimated, snakemake.wildcards.method
    table = read_table(snakemake.input[0])
    random = generator(snakemake.params.settings["seed"], "noise ceiling", estimated, method)
    everything = [("all", "values", np.arange(len(table)))]
    write_table(ceiling_table(measured_values(table), everything, random), snakemake.output[0])
