"""Rule build_dataset: rows for training, validation and test without near-identical sequences on two sides."""

from cisflow.datasets.build import SplitSettings, build_dataset
from cisflow.datasets.sources import read_test, read_train
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    train = read_train(given.get("train_table"), given.get("train_library"))
    test = read_test(given.get("test_table"), given.get("test_library"), given.get("test_ordered"))
    dataset = build_dataset(train, test, SplitSettings(**snakemake.params.settings))
    write_table(dataset.table, snakemake.output.dataset)
    write_table(dataset.leakage, snakemake.output.leakage)
    write_table(dataset.funnel, snakemake.output.funnel)
