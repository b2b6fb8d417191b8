"""Rules simulate_random_library and simulate_designed_library: elements, truth and reads per bin."""

from pathlib import Path

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.simulate.library import simulate_library, write_design

with job(snakemake):
    made = simulate_library(**snakemake.params.settings)
    if made.design is not None:
        subsets = {Path(path).stem: path for path in snakemake.output.subsets}
        write_design(made.design, snakemake.output.ordered, subsets)
    write_table(made.bins, snakemake.output.bins)
    write_table(made.bin_reads, snakemake.output.bin_reads)
    write_table(made.truth, snakemake.output.truth)
