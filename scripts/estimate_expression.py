"""Rule estimate_expression: expression per element of a library by one method."""

from cisflow.expression.estimate import estimate_expression, with_cells
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    counts, settings = snakemake.input.counts, snakemake.params.settings
    sorted_cells = read_table(snakemake.input.bins) if snakemake.input.get("bins") else None
    table, funnel = estimate_expression(
        read_table(counts),
        {**settings, "bins": with_cells(settings["bins"], sorted_cells)},
        snakemake.wildcards.library,
        snakemake.wildcards.method,
        where=counts,
    )
    write_table(table, snakemake.output.parquet)
    write_table(table, snakemake.output.tsv)
    write_table(funnel, snakemake.output.funnel)
