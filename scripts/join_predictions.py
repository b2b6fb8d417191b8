"""Rule join_predictions: the predictions of all shards, in the order of the dataset."""

import pandas as pd

from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    parts = [read_table(path) for path in snakemake.input]
    # A dataset of few rows leaves shards without any, whose columns have no type of their own.
    write_table(pd.concat([part for part in parts if len(part)] or parts, ignore_index=True), snakemake.output[0])
