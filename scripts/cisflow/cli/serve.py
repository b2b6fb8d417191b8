"""``cisflow serve``: a predictor endpoint that evaluators can call.

Inputs: bundles, and what is told of them. Outputs: answers over HTTP until the command is stopped.
"""

from __future__ import annotations

import argparse
from typing import Any

from cisflow.cli.bundles import add_device, model_name
from cisflow.cli.options import example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="answer evaluators that speak the Genomic API for Model Evaluation",
        description="Serve an expression or contact model over HTTP (schema 1.0, docs/methods/serve.md). Predictions "
        "are the mean over the bundles given.",
        **example(
            "cisflow serve models/dream_rnn/seed1 models/dream_rnn/seed2 --species saccharomyces_cerevisiae \\\n"
            '    --cell-type "S288C, glucose" --window 80 --left TGCATTTTTTTCACATC --right GGTTACGGCTGTT --port 5000'
        ),
    )
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE", help="replicates of one model")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=5000, help="default: 5000; 0: a free one")
    parser.add_argument("--name", help="name of the model (default: that of the folder)")
    parser.add_argument("--species", required=True, help="lower case, e.g. homo_sapiens")
    parser.add_argument("--cell-type", required=True, help="what the model was trained on")
    parser.add_argument("--scale", choices=("log", "linear"), default="log", help="of the predictions (default: log)")
    parser.add_argument("--log-base", type=float, default=2.0, help="of that logarithm (default: 2)")
    parser.add_argument("--window", type=int, help="bases that an expression model is shown between --left and --right")
    parser.add_argument("--left", default="", metavar="BASES", help="constant bases in front of every sequence")
    parser.add_argument("--right", default="", metavar="BASES", help="constant bases behind every sequence")
    parser.add_argument(
        "--level",
        type=int,
        metavar="BP",
        help="of contact models of several levels, which is served (default: the longest)",
    )
    parser.add_argument("--expected", metavar="FILE", help="expected.npz of the map of such a model")
    parser.add_argument("--max-bytes", type=int, default=1 << 30, help="of the body of a request (default: 1 GiB)")
    parser.add_argument("--max-sequences", type=int, default=1_000_000, help="of a request (default: 1,000,000)")
    parser.add_argument("--max-length", type=int, default=10_000_000, help="of a sequence (default: 10,000,000)")
    add_device(parser)
    parser.set_defaults(run=run)


def _problems(given: argparse.Namespace) -> list[Problem]:
    problems = [
        Problem(f"--{name}", f"{getattr(given, name)!r}; expected A, C, G, T or N")
        for name in ("left", "right")
        if set(getattr(given, name).upper()) - set("ACGTN")
    ]
    if not 0 <= given.port < 65536:
        problems.append(Problem("--port", f"{given.port}; expected a number from 0 to 65535"))
    for name in ("window", "max_bytes", "max_sequences", "max_length"):
        value = getattr(given, name)
        if value is not None and value < 1:
            problems.append(Problem(f"--{name.replace('_', '-')}", f"{value}; expected 1 or more"))
    if not given.log_base > 1:
        problems.append(Problem("--log-base", f"{given.log_base}; expected more than 1"))
    return problems


def _served(given: argparse.Namespace) -> Any:
    """The predictor of the bundles."""
    from cisflow.devices import choose_device
    from cisflow.models.contact_predict import load_contact_model
    from cisflow.models.predict import load_bundle
    from cisflow.serve.predictors import ContactPredictor, expression_predictor
    from cisflow.serve.requests import Offer
    from cisflow.training.bundle import read_bundle
    from cisflow.variants.contact_views import ExpectedContacts

    tasks = {folder: read_bundle(folder).recipe.get("task") for folder in given.bundles}
    if len(set(tasks.values())) > 1:
        raise InputError([Problem(folder, f"a model of {task}; expected one kind") for folder, task in tasks.items()])
    device, task = choose_device(given.device), next(iter(tasks.values()))
    about = {"model": given.name or model_name(given.bundles[0])}
    common = {"cell_type": given.cell_type, "species": given.species}
    if task == "expression":
        models = [load_bundle(folder, device) for folder in given.bundles]
        return expression_predictor(
            models,
            **about,
            **common,
            scale=given.scale,
            log_base=given.log_base,
            window=given.window,
            left=given.left.upper(),
            right=given.right.upper(),
        )
    if task != "contacts":
        raise InputError(Problem(given.bundles[0], f"a model of {task!r}; expected expression or contacts"))
    models = [load_contact_model(folder, device) for folder in given.bundles]
    window = models[0].settings.window
    problems = [
        Problem(folder, "a model of inputs of several chromosomes; expected one whose window is a stretch of one")
        for folder, model in zip(given.bundles, models, strict=True)
        if model.settings.assembly is not None
    ]
    problems += [
        Problem(folder, "windows of another kind than those of the first bundle")
        for folder, model in zip(given.bundles, models, strict=True)
        if model.settings.window != window
    ]
    if problems:
        raise InputError(problems)
    offer = Offer(
        readout="interaction_matrix",
        types=("conformation_chromatin",),
        type_actual=["HI-C"],
        converts=False,
        bin_size=(given.level or window.length) // window.bins,
        about=about | {"input_size": window.length},
        **common,
    )
    expected = None if given.expected is None else ExpectedContacts.read(given.expected)
    return ContactPredictor(models, offer, given.level, expected)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.joblog import logger
    from cisflow.serve.requests import Limits
    from cisflow.serve.server import PredictorServer
    from cisflow.training.numerics import reproducible_numerics

    if problems := _problems(given):
        raise InputError(problems)
    limits = Limits(bytes=given.max_bytes, sequences=given.max_sequences, length=given.max_length)
    with reproducible_numerics(given.threads):
        served = _served(given)
        try:
            server = PredictorServer((given.host, given.port), served.offer.about["model"], served, limits)
        except OSError as error:
            raise InputError(
                Problem("--host, --port", f"cannot listen on {given.host}:{given.port}: {error}")
            ) from None
        with server:
            host, port = server.server_address[:2]
            logger.info("%s answers on http://%s:%d; stop with Ctrl-C", server.name, host, port)
            server.serve_forever()
