"""Rule ask_endpoint: serve one model of a query on this machine, ask it as an evaluator does, and compare."""

from itertools import islice
from pathlib import Path

from cisflow.devices import choose_device
from cisflow.files import read_table, write_json
from cisflow.interpret.tables import load_models
from cisflow.joblog import job
from cisflow.models.predict_stream import shown_sequences
from cisflow.serve.exchange import ask_over_http, check_exchange
from cisflow.serve.predictors import expression_predictor
from cisflow.training.numerics import reproducible_numerics
from cisflow.variants.sequences import intervals

with job(snakemake):
    given, settings, model = snakemake.input, snakemake.params.settings, snakemake.wildcards.model
    places = intervals(given.intervals, given.genome) if given.get("intervals") else []
    predicted = read_table(given.table).set_index("id")[model].dropna()
    shown = ((name, bases) for name, bases in shown_sequences(given.get("sequences"), places) if name in predicted)
    asked = dict(islice(shown, settings["most"]))
    with reproducible_numerics(settings["threads"]):
        folders = [Path(weights).parent for weights in given.weights]
        (replicates,) = load_models({model: folders}, choose_device(settings["device"])).values()
        left, right = settings["ends"]
        served = expression_predictor(replicates, model, *settings["about"], left=left, right=right)
        exchange = ask_over_http(served, model, asked)
    check_exchange(exchange, predicted.loc[list(asked)].to_dict())
    write_json(exchange, snakemake.output[0])
