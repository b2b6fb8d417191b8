"""What an evaluator asks for, checked: the requests of the Genomic API for Model Evaluation, schema 1.0.

Inputs: a decoded body and what the model offers. Outputs: a :class:`Request`, or a :class:`Refusal` with every problem
and the status of the answer. Malformed requests are 400, requests that the model cannot meet 422.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

READOUTS = ("point", "track", "interaction_matrix")
SCALES = ("linear", "log")
#: Types of the schema; those after ``binding_`` and ``conformation_`` are free.
_TYPES = re.compile(
    r"expression(_mRNA|_pol[123]|_splicing_acceptor|_splicing_donor)?|accessibility|binding_.+|conformation_.+"
)
MALFORMED, IMPOSSIBLE, BROKEN = "bad_prediction_request", "prediction_request_failed", "server_error"
_STATUS = {MALFORMED: 400, IMPOSSIBLE: 422, BROKEN: 500}
_OTHER_BASE = re.compile("[^ACGTN]")


class Refusal(Exception):
    """A request that is not answered with predictions.

    Parameters
    ----------
    key : str
        One of the keys of the schema's errors.
    messages : list of str
    status : int, optional
        HTTP status; that of the key by default.
    """

    def __init__(self, key: str, messages: list[str] | str, status: int | None = None):
        self.key, self.messages = key, [messages] if isinstance(messages, str) else messages
        self.status = _STATUS[key] if status is None else status
        super().__init__("; ".join(self.messages))

    def body(self, predictor: str) -> dict[str, Any]:
        """Body of the answer."""
        return {"predictor_name": predictor, "error": [{self.key: message} for message in self.messages]}


@dataclass(frozen=True)
class Limits:
    """How much a request may ask for.

    Attributes
    ----------
    bytes : int
        Of the body.
    sequences : int
    length : int
        Bases of one sequence with its flanks.
    tasks : int
    """

    bytes: int = 1 << 30
    sequences: int = 1_000_000
    length: int = 10_000_000
    tasks: int = 100


@dataclass(frozen=True)
class Offer:
    """What a model offers.

    Attributes
    ----------
    readout : str
        One of :data:`READOUTS`.
    types : tuple of str
        Types that it answers.
    type_actual : list of str
        What it really predicts.
    cell_type, species : str
    scale : {"linear", "log"}
        Of its predictions.
    log_base : float
        Of that logarithm; with it, a linear scale can be answered.
    converts : bool
        Whether predictions on a log scale are raised to the base when ``linear`` is asked for.
    bin_size : int, optional
        Base pairs per bin of a matrix.
    about : dict
        Further entries of ``/help``.
    """

    readout: str
    types: tuple[str, ...]
    type_actual: list[str]
    cell_type: str
    species: str
    scale: str = "log"
    log_base: float = 2.0
    converts: bool = True
    bin_size: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request that can be answered.

    Attributes
    ----------
    tasks : list of dict
        As they were sent.
    sequences : dict of str by id
        Upper case, without the flanks.
    ranges : dict of (int, int) by id
        0-based, both ends inclusive, in the flanked sequence; only those that were given.
    upstream, downstream : str
        Upper case.
    """

    tasks: list[dict[str, Any]]
    sequences: dict[str, str]
    ranges: dict[str, tuple[int, int]]
    upstream: str
    downstream: str


def _missing(body: Any) -> None:
    """Stages one and two: what must be there."""
    if not isinstance(body, dict):
        raise Refusal(MALFORMED, f"the body is a {type(body).__name__}; expected an object")
    absent = [key for key in ("readout", "prediction_tasks", "sequences") if key not in body]
    if absent:
        raise Refusal(MALFORMED, f"missing: {', '.join(absent)}")
    tasks = body["prediction_tasks"]
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
        raise Refusal(MALFORMED, "prediction_tasks: expected an array of one or more objects")
    problems = []
    for number, task in enumerate(tasks, 1):
        keys = [key for key in ("name", "type", "cell_type", "species") if key not in task]
        if keys:
            problems.append(f"task {number} lacks {', '.join(keys)}")
    if problems:
        raise Refusal(MALFORMED, problems)


def _task_problems(tasks: list[dict[str, Any]], offer: Offer) -> tuple[list[str], list[str]]:
    """Problems of tasks: malformed, and well-formed but not on offer."""
    bad, lacking = [], []
    names = [task["name"] for task in tasks]
    for number, task in enumerate(tasks, 1):
        label = f"task {number}"
        bad += [
            f"{label}: {key} is a {type(task[key]).__name__}; expected text"
            for key in ("name", "type", "cell_type", "species")
            if not isinstance(task[key], str)
        ]
        if isinstance(task["type"], str):
            if not _TYPES.fullmatch(task["type"]):
                bad.append(f"{label}: type {task['type']!r} is none of the schema")
            elif task["type"] not in offer.types:
                lacking.append(f"{label}: type {task['type']!r} is not offered; offered: {', '.join(offer.types)}")
        if task.get("scale") is not None and task["scale"] not in SCALES:
            bad.append(f"{label}: scale {task['scale']!r}; expected linear or log")
        if isinstance(task["species"], str) and task["species"] != offer.species:
            lacking.append(f"{label}: species {task['species']!r} is not offered; offered: {offer.species}")
    twice = sorted({name for name in names if isinstance(name, str) and names.count(name) > 1})
    return bad + [f"task name {name!r} is given twice" for name in twice], lacking


def _range_problems(ranges: Any, ids: set[str]) -> list[str]:
    if not isinstance(ranges, dict):
        return [f"prediction_ranges is a {type(ranges).__name__}; expected an object"]
    if set(ranges) != ids:
        return ["the ids of prediction_ranges are not those of sequences"]
    problems = []
    for name, given in ranges.items():
        whole = isinstance(given, list) and all(isinstance(end, int) and not isinstance(end, bool) for end in given)
        if not whole or len(given) not in (0, 2) or (given and not 0 <= given[0] <= given[1]):
            problems.append(f"prediction_ranges of {name!r}: expected [] or [start, end] with 0 <= start <= end")
    return problems


def check_request(body: Any, offer: Offer, limits: Limits | None = None) -> Request:
    """Check a request.

    Parameters
    ----------
    body : object
        As decoded. Keys that are not known are passed over.
    offer : Offer
    limits : Limits, optional

    Raises
    ------
    Refusal
        With every problem of the first stage that has any: keys, keys of tasks, types and values, sequences.
    """
    limits = limits or Limits()
    _missing(body)
    tasks, sequences = body["prediction_tasks"], body["sequences"]
    bad, lacking = _task_problems(tasks, offer)
    if body["readout"] not in READOUTS:
        bad.append(f"readout {body['readout']!r}; expected one of {', '.join(READOUTS)}")
    elif body["readout"] != offer.readout:
        lacking.append(f"readout {body['readout']!r} is not offered; offered: {offer.readout}")
    texts = isinstance(sequences, dict) and all(isinstance(text, str) for text in sequences.values())
    if not texts:
        bad.append("sequences: expected an object of text by id")
    ranges = body.get("prediction_ranges")
    if ranges is not None and texts:
        bad += _range_problems(ranges, set(sequences))
    flanks = [body.get(key) for key in ("upstream_seq", "downstream_seq")]
    for key, flank in zip(("upstream_seq", "downstream_seq"), flanks, strict=True):
        if flank is not None and not isinstance(flank, str):
            bad.append(f"{key} is a {type(flank).__name__}; expected text")
    if bad:
        raise Refusal(MALFORMED, bad + lacking)
    if len(tasks) > limits.tasks:
        lacking.append(f"{len(tasks):,} tasks; at most {limits.tasks:,} are answered")
    if len(sequences) > limits.sequences:
        lacking.append(f"{len(sequences):,} sequences; at most {limits.sequences:,} are answered at once")
    if lacking:
        raise Refusal(IMPOSSIBLE, lacking)
    upstream, downstream = ((flank or "").upper() for flank in flanks)
    given = {name: (span[0], span[1]) for name, span in (ranges or {}).items() if span}
    request = Request(tasks, {k: text.upper() for k, text in sequences.items()}, given, upstream, downstream)
    _check_bases(request, limits)
    return request


def _check_bases(request: Request, limits: Limits) -> None:
    """Last stage: letters, lengths and whether ranges lie inside."""
    problems = []
    for key, flank in (("upstream_seq", request.upstream), ("downstream_seq", request.downstream)):
        if other := _OTHER_BASE.search(flank):
            problems.append(f"{key}: letter {other.group()!r}; expected A, C, G, T or N")
    around = len(request.upstream) + len(request.downstream)
    for name, text in request.sequences.items():
        if not text:
            problems.append(f"sequence {name!r} is empty")
        elif other := _OTHER_BASE.search(text):
            problems.append(f"sequence {name!r}: letter {other.group()!r}; expected A, C, G, T or N")
        elif len(text) + around > limits.length:
            problems.append(f"sequence {name!r}: {len(text) + around:,} bases with flanks; at most {limits.length:,}")
        elif name in request.ranges and request.ranges[name][1] >= len(text) + around:
            problems.append(f"prediction_ranges of {name!r} end at {request.ranges[name][1]}, beyond the sequence")
    if problems:
        raise Refusal(IMPOSSIBLE, problems)
