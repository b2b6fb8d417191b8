"""Rule interpret_models: in-silico mutagenesis and attributions of all models of a dataset on some of its sequences."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.evaluation.subsets import common_folder, read_subsets
from cisflow.files import write_table
from cisflow.interpret.choice import choose_sequences, measured_variants, varying_span
from cisflow.interpret.tables import interpret, load_models
from cisflow.joblog import job
from cisflow.models.expression_data import read_dataset
from cisflow.training.numerics import reproducible_numerics

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    table = read_dataset(given.dataset)
    test = table[table["split"] == "test"]
    subsets = read_subsets(common_folder(given.get("subsets")), test["pos"].to_numpy())
    variants = measured_variants(test, [subset for subset in subsets if subset.kind == "pairs"])
    sequences = choose_sequences(test, variants, settings["interpret"]["sequences"])
    bundles = {}
    for model, weights in zip(settings["models"], given.weights, strict=True):
        bundles.setdefault(model, []).append(Path(weights).parent)
    with reproducible_numerics(settings["threads"]):
        models = load_models(bundles, choose_device(settings["device"]))
        start, end = varying_span(test["sequence"].str.upper().tolist())
        found = interpret(models, sequences, snakemake.output.effects, start, end, settings["interpret"]["steps"])
    for name in ("profiles", "checks", "agreement"):
        write_table(getattr(found, name), snakemake.output[name])
    write_table(variants[variants["id"].isin(sequences)], snakemake.output.variants)
