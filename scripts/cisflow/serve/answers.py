"""Answers of the Genomic API for Model Evaluation, schema 1.0, and how they are written.

Inputs: requests and predictions. Outputs: bodies as objects and as bytes in the format that the evaluator accepts.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from cisflow.serve.message_pack import packed, unpacked
from cisflow.serve.predictors import Served
from cisflow.serve.requests import BROKEN, MALFORMED, Offer, Refusal, Request

SCHEMA = "1.0"
JSON, MSGPACK, MSGPACK_NUMPY = "application/json", "application/msgpack", "application/msgpack-numpy"
REQUEST_FORMATS = (JSON, MSGPACK)
#: In the order in which an accepted one is chosen; one name holds the other, so that the longer comes first.
RESPONSE_FORMATS = (MSGPACK_NUMPY, MSGPACK, JSON)
#: Where a container says when it was built.
LABELS = Path("/.singularity.d/labels.json")
_BUILT = re.compile(r"[A-Za-z]+_(\d{1,2})_([A-Za-z]+)_(\d{4})_(\d{1,2}):(\d{1,2}):(\d{1,2})_([A-Za-z0-9+-]+)")


def predictor_name(model: str, labels: Path = LABELS) -> str:
    """Name with the build of the container: ``_dev`` outside of one, ``_unknown`` where it does not say.

    Parameters
    ----------
    model : str
        Blanks and slashes become dashes: evaluators put the name into file names.
    labels : Path
    """
    model = re.sub(r"[\s/]+", "-", model.strip())
    if not labels.is_file():
        return f"{model}_dev"
    try:
        day, month, year, *clock, zone = _BUILT.fullmatch(
            json.loads(labels.read_text(encoding="utf-8"))["org.label-schema.build-date"]
        ).groups()
        built = datetime.strptime(f"{day} {month} {year} {':'.join(clock)}", "%d %B %Y %H:%M:%S")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{model}_unknown"
    return f"{model}_{built:%Y%m%d-%H%M%S}_{zone}"


def formats_body(name: str) -> dict[str, Any]:
    """Answer to ``/formats``."""
    return {
        "predictor_name": name,
        "predictor_supported_request_formats": list(REQUEST_FORMATS),
        "predictor_supported_response_formats": list(reversed(RESPONSE_FORMATS)),
    }


def help_body(name: str, offer: Offer) -> dict[str, Any]:
    """Answer to ``/help``."""
    return {
        "predictor_name": name,
        "game_schema_version": SCHEMA,
        "features": list(offer.types),
        "cell_types": [offer.cell_type],
        "species": [offer.species],
        **({"bin_size": offer.bin_size} if offer.bin_size else {}),
        **offer.about,
    }


def _scaled(values: dict[str, Any], offer: Offer, wanted: str | None) -> tuple[dict[str, Any], str]:
    """Predictions on the scale that is asked for, where the model has it, and the scale that they are on."""
    if wanted == "linear" and offer.scale == "log" and offer.converts:
        return {name: float(offer.log_base**value) for name, value in values.items()}, "linear"
    return values, offer.scale


def predict_body(name: str, served: Served, request: Request) -> dict[str, Any]:
    """Answer to ``/predict``; the model runs once for all tasks.

    Raises
    ------
    Refusal
        When the model cannot predict a sequence, or a prediction is not finite.
    """
    offer, values = served.offer, served.predict(request)
    if not all(np.isfinite(value).all() for value in values.values()):
        raise Refusal(BROKEN, "the model gave a value that is not finite")
    tasks = []
    for task in request.tasks:
        scaled, scale = _scaled(values, offer, task.get("scale"))
        if not all(np.isfinite(value).all() for value in scaled.values()):
            raise Refusal(BROKEN, "a prediction is too large for the linear scale")
        tasks.append(
            {
                "name": task["name"],
                "type_requested": task["type"],
                "type_actual": offer.type_actual,
                "cell_type_requested": task["cell_type"],
                "cell_type_actual": offer.cell_type,
                "scale_prediction_requested": task.get("scale"),
                "scale_prediction_actual": scale,
                "species_requested": task["species"],
                "species_actual": offer.species,
                "predictions": scaled,
            }
        )
    size = {"bin_size": offer.bin_size} if offer.bin_size else {}
    return {"predictor_name": name, **size, "prediction_tasks": tasks}


def _plain(value: Any) -> Any:
    """Arrays as lists of rows."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def as_json(body: dict[str, Any]) -> bytes:
    """JSON; never with NaN or infinity."""
    return json.dumps(_plain(body), allow_nan=False).encode()


def written(body: dict[str, Any], accept: str | None) -> tuple[bytes, str]:
    """Body in the best format that ``Accept`` names (JSON otherwise), and its type."""
    wanted = next((form for form in RESPONSE_FORMATS if form in (accept or "").lower()), JSON)
    if wanted == JSON:
        return as_json(body), JSON
    return packed(body if wanted == MSGPACK_NUMPY else _plain(body)), wanted


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def read_body(data: bytes, content_type: str | None) -> Any:
    """Decode the body of a request by its type (without parameters; JSON where there is none).

    Raises
    ------
    Refusal
        For a type that is not offered, or a body that is not of it.
    """
    given = (content_type or JSON).split(";")[0].strip().lower()
    if given not in REQUEST_FORMATS:
        raise Refusal(MALFORMED, f"content type {given!r} is not offered; offered: {', '.join(REQUEST_FORMATS)}")
    try:
        if given == MSGPACK:
            return unpacked(data)
        return json.loads(data, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(MALFORMED, f"the body is not {given}: {error}") from None
