"""A served model asked over HTTP on this machine, as an evaluator asks it.

Purpose: a request and its answer to try an evaluator with, and the proof that an endpoint says what the bundle says.
Inputs: a predictor, sequences. Outputs: bodies of the exchange.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from cisflow.problems import InputError, Problem
from cisflow.serve.answers import JSON
from cisflow.serve.predictors import Served
from cisflow.serve.server import PredictorServer

#: Largest difference, relative, between a number that was sent and the model's own.
ROUNDING = 1e-6
#: Seconds until an answer is given up.
PATIENCE = 3600


def prediction_request(served: Served, sequences: Mapping[str, str]) -> dict[str, Any]:
    """Body of a request that asks for one number per sequence, on the scale of the model."""
    offer = served.offer
    task = {
        "name": "1",
        "type": offer.type_actual[0],
        "cell_type": offer.cell_type,
        "species": offer.species,
        "scale": offer.scale,
    }
    return {"readout": offer.readout, "prediction_tasks": [task], "sequences": dict(sequences)}


def ask_over_http(served: Served, model: str, sequences: Mapping[str, str]) -> dict[str, Any]:
    """Serve a model on a free port of this machine, ask it, and stop.

    Parameters
    ----------
    served : Served
        With the readout ``point``.
    model : str
        Name of the model.
    sequences : mapping of str by id

    Returns
    -------
    dict
        ``formats``, ``help``, ``request`` and ``answer``: bodies of the exchange.

    Raises
    ------
    RuntimeError
        When an answer is no success.
    """
    server = PredictorServer(("127.0.0.1", 0), model, served)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    request = prediction_request(served, sequences)
    try:
        found = {
            "formats": _answer(server, "GET", "/formats"),
            "help": _answer(server, "GET", "/help"),
            "request": request,
            "answer": _answer(server, "POST", "/predict", request),
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return found


def _answer(server: PredictorServer, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=PATIENCE)
    try:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {} if data is None else {"Content-Type": JSON})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path} was answered with {answer.status}: {text[:500]}")
    return json.loads(text)


def check_exchange(exchange: Mapping[str, Any], predicted: Mapping[str, float]) -> None:
    """Compare the numbers of an answer with predictions made without the endpoint.

    Parameters
    ----------
    exchange : mapping
        See :func:`ask_over_http`.
    predicted : mapping of float by id

    Raises
    ------
    InputError
        With every sequence whose numbers differ.
    """
    sent = exchange["answer"]["prediction_tasks"][0]["predictions"]
    problems = [
        Problem(name, f"the endpoint says {sent.get(name)}, the model {value}")
        for name, value in predicted.items()
        if name not in sent or not np.isclose(sent[name], value, rtol=ROUNDING, atol=ROUNDING)
    ]
    problems += [Problem(name, "answered, but not asked") for name in sent if name not in predicted]
    if problems:
        raise InputError(problems[:20])
