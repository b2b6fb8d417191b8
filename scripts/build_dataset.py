"""Rule build_dataset: rows for training, validation and test without near-identical sequences on two sides."""

from cisflow.datasets.build import SplitSettings, build_dataset
from cisflow.datasets.layout import TableLayout
from cisflow.datasets.sources import read_test, read_train
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    layout = TableLayout(**settings["layout"])
    train = read_train(
        given.get("train_table", []), given.get("train_library"), layout, given.get("sequence_files", [])
    )
    validation = read_train(given.get("validation_table", []), None, layout)
    ordered = given.get("test_ordered")
    test = read_test(given.get("test_table"), given.get("test_library"), ordered, layout.reverse_pattern)
    dataset = build_dataset(train, test, SplitSettings(**settings["split"]), validation)
    write_table(dataset.table, snakemake.output.dataset)
    write_table(dataset.leakage, snakemake.output.leakage)
    write_table(dataset.funnel, snakemake.output.funnel)
