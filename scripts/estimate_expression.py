"""Rule estimate_expression: expression per element of a library by one method."""

from cisflow.expression.estimate import estimate_expression
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    counts = snakemake.input[0]
    table, funnel = estimate_expression(
        read_table(counts),
        snakemake.params.settings,
        snakemake.wildcards.library,
        snakemake.wildcards.method,
        where=counts,
    )
    write_table(table, snakemake.output.parquet)
    write_table(table, snakemake.output.tsv)
    write_table(funnel, snakemake.output.funnel)
