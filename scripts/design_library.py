"""Rule design_library: a test library made with trained models, ready to order."""

from pathlib import Path

from cisflow.design.library import design_library, write_design
from cisflow.design.settings import DesignSettings
from cisflow.devices import choose_device
from cisflow.interpret.tables import load_models
from cisflow.joblog import job
from cisflow.models.predict_stream import read_sequences
from cisflow.training.numerics import reproducible_numerics

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    bundles = {}
    for model, weights in zip(settings["models"], given.weights, strict=True):
        bundles.setdefault(model, []).append(Path(weights).parent)
    promoters = list(read_sequences(given.promoters)) if given.get("promoters") else []
    with reproducible_numerics(settings["threads"]):
        models = load_models(bundles, choose_device(settings["device"]))
        design = design_library(models, DesignSettings(**settings["design"]), promoters, settings["seed"])
    write_design(design, Path(snakemake.output.order).parent)
