"""Rule join_draws: the draws of all shards, in the order of the measurements and draws of one job."""

import pandas as pd

from cisflow.evaluation.heads import joined_heads, of_head
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    parts = [read_table(path) for path in snakemake.input]
    heads = parts[0]["head"].unique()
    tables = {head: pd.concat([of_head(part, head) for part in parts], ignore_index=True) for head in heads}
    write_table(joined_heads(tables), snakemake.output[0])
