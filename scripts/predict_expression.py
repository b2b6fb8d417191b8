"""Rules predict_expression and predict_shard: predict the rows of a dataset with every seed of a model."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.models.predict import predict_dataset

with job(snakemake):
    settings = snakemake.params.settings
    folders = [Path(path).parent for path in snakemake.input.weights]
    table = predict_dataset(
        dict(zip(settings["seeds"], folders, strict=True)),
        snakemake.input.dataset,
        snakemake.wildcards.model,
        choose_device(settings["device"]),
        settings["threads"],
        (int(snakemake.wildcards.get("shard", 0)), settings.get("shards", 1)),
    )
    write_table(table, snakemake.output[0])
