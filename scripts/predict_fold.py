"""Rule predict_fold: mean prediction of a test fold by the models that did not see it."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.models.folds import predict_fold

with job(snakemake):
    settings, wildcards = snakemake.params.settings, snakemake.wildcards
    folders = [Path(path).parent for path in snakemake.input.weights]
    table = predict_fold(
        dict(zip(settings["trainings"], folders, strict=True)),
        snakemake.input.folds,
        wildcards.test,
        f"{wildcards.model}, test fold {wildcards.test}",
        choose_device(settings["device"]),
        settings["threads"],
    )
    write_table(table, snakemake.output[0])
