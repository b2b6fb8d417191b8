"""Rule query_expression: what all models of a query predict of its sequences."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.interpret.tables import load_models
from cisflow.joblog import job, logger
from cisflow.models.predict_stream import shown_sequences, write_predictions
from cisflow.training.numerics import reproducible_numerics
from cisflow.variants.sequences import intervals

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    bundles = {}
    for model, weights in zip(settings["models"], given.weights, strict=True):
        bundles.setdefault(model, []).append(Path(weights).parent)
    places = intervals(given.intervals, given.genome) if given.get("intervals") else []
    shown = shown_sequences(given.get("sequences"), places, *settings["ends"])
    with reproducible_numerics(settings["threads"]):
        models = load_models(bundles, choose_device(settings["device"]))
        number, without = write_predictions(models, shown, snakemake.output[0])
    logger.info("%s sequences, %s without a prediction", f"{number:,}", f"{without:,}")
