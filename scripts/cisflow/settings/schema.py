"""Check values against a JSON schema and say every problem in words.

Inputs: a config or a row of a sheet, and a schema (draft 2020-12). Outputs: a list of problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from cisflow.problems import Problem, did_you_mean, not_one_of
from cisflow.yaml_text import parse_yaml


def read_schema(path: str | Path) -> dict[str, Any]:
    """Read a YAML schema."""
    return parse_yaml(Path(path).read_text(encoding="utf-8"))


def in_schema_order(value: dict[str, Any], schema: dict[str, Any]) -> None:
    """Put the keys of a config and of its sections into the order of the schema, in place.

    Where a key stands depends on the overlay that sets it, and Snakemake compares settings as text: without an order of
    their own the same settings would rerun jobs.
    """
    known = schema.get("properties", {})
    names = [*(name for name in known if name in value), *sorted(set(value) - set(known))]
    ordered = {name: value[name] for name in names}
    for name, part in ordered.items():
        if isinstance(part, dict):
            in_schema_order(part, known.get(name, {}))
    value.clear()
    value.update(ordered)


def _messages(error: ValidationError) -> list[tuple[str, str]]:
    """Return (key, message) pairs for one schema error."""
    key = ".".join(str(part) for part in error.absolute_path)
    schema, value = error.schema, error.instance
    if error.validator == "additionalProperties":
        known = schema["properties"]
        extra = [name for name in value if name not in known]
        return [
            (f"{key}.{name}".lstrip("."), f"unknown key{did_you_mean(name, known)}; known: {', '.join(known)}")
            for name in extra
        ]
    if error.validator == "required":
        missing = [name for name in schema["required"] if name not in value]
        return [(f"{key}.{name}".lstrip("."), "missing; it is required") for name in missing]
    if error.validator == "enum":
        return [(key, not_one_of(value, schema["enum"]))]
    if error.validator == "type":
        wanted = schema["type"] if isinstance(schema["type"], str) else " or ".join(schema["type"])
        return [(key, f"{value!r} is not of type {wanted}")]
    if error.validator == "pattern":
        return [(key, f"{value!r} does not match the pattern {schema['pattern']}")]
    bounds = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "greater than",
        "exclusiveMaximum": "less than",
    }
    if error.validator in bounds:
        return [(key, f"{value!r} must be {bounds[error.validator]} {error.validator_value}")]
    return [(key, error.message)]


def _whole_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """``pattern``, with ``$`` for the very end: Python's own ``$`` would let a line break follow a name."""
    text = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(text, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _number_type(checker: Any, instance: Any) -> bool:
    """A number; those that are none (``.nan``) or have no end (``.inf``) would pass every limit."""
    return isinstance(instance, int | float) and not isinstance(instance, bool) and abs(instance) < float("inf")


_Validator = extend(
    Draft202012Validator,
    {"pattern": _whole_pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("number", _number_type),
)


def schema_problems(value: Any, schema: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (dotted key, message) for every violation of ``schema`` by ``value``, in a fixed order."""
    found: dict[tuple[str, str], None] = {}
    for error in sorted(_Validator(schema).iter_errors(value), key=lambda e: list(map(str, e.absolute_path))):
        for pair in _messages(error):
            found[pair] = None
    return list(found)


def check_config(config: dict[str, Any], schema: dict[str, Any], where: str = "config") -> list[Problem]:
    """Check a whole config; one problem per wrong key."""
    return [Problem(where, message, column=key) for key, message in schema_problems(config, schema)]
