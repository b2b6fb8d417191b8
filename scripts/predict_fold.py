"""Rule predict_fold: mean prediction of a test fold by the models that did not see it."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.models.folds import predict_fold, training_name

with job(snakemake):
    settings, wildcards = snakemake.params.settings, snakemake.wildcards
    bundles = {}
    for folder, trainings in zip(snakemake.input.parts, settings["trainings"], strict=True):
        names = [training_name(validation, replicate) for validation, replicate in trainings]
        bundles |= {name: Path(folder) / name for name in names}
    table = predict_fold(
        bundles,
        snakemake.input.folds,
        wildcards.test,
        f"{wildcards.model}, test fold {wildcards.test}",
        choose_device(settings["device"]),
        settings["threads"],
    )
    write_table(table, snakemake.output[0])
