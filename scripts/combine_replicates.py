"""Rule combine_replicates: one estimate per element from the replicates of a sample, and how well they agree."""

from cisflow.expression.concordance import concordance_table
from cisflow.expression.replicates import combine_replicates, join_replicates
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    settings, given = snakemake.params.settings, snakemake.input
    tables = {name: read_table(path) for name, path in zip(settings["libraries"], given, strict=True)}
    replicates = join_replicates(tables, settings["kind"], settings["interval"])
    table = combine_replicates(replicates, settings["interval"])
    write_table(table, snakemake.output.parquet)
    write_table(table, snakemake.output.tsv)
    sample, method = snakemake.wildcards.sample, snakemake.wildcards.method
    write_table(concordance_table(replicates, sample, method, settings["seed"]), snakemake.output.concordance)
