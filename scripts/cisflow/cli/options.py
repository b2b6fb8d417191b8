"""Command-line options made from a section of the config, so that both say the same.

Inputs: the config's schema and default values. Outputs: one option per key, with its description and default.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cisflow.problems import InputError, Problem
from cisflow.settings.schema import read_schema, schema_problems

CHECKOUT = Path(__file__).resolve().parents[3]


def _convert(schema: dict[str, Any]) -> Any:
    """Converter of an option's text by the type in the schema; YAML knows numbers, booleans and null."""
    types = schema.get("type", "string")
    if types == "string" or ("enum" in schema and all(isinstance(v, str) for v in schema["enum"])):
        return str
    return yaml.safe_load


def _help(text: str, default: Any) -> str:
    shown = " ".join(map(str, default)) if isinstance(default, list) else default
    return f"{text} (default: {shown if shown != '' else 'none'})".replace("%", "%%")


def add_section(
    parser: argparse.ArgumentParser,
    section: str,
    leave_out: Collection[str] = (),
    keep: Collection[str] | None = None,
) -> None:
    """Add one option per key of a config section.

    Parameters
    ----------
    parser : ArgumentParser
    section : str
        Name of the section, e.g. ``reads``; key ``min_identity`` becomes ``--min-identity``.
    leave_out : collection of str
        Keys that make no sense on the command line.
    keep : collection of str, optional
        Keys to add; all when None.
    """
    schema = read_schema(CHECKOUT / "workflow" / "schemas" / "config.schema.yaml")["properties"][section]["properties"]
    defaults = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text(encoding="utf-8"))[section]
    group = parser.add_argument_group(f"settings ({section} in config/README.md)")
    for key, about in schema.items():
        if key in leave_out or (keep is not None and key not in keep):
            continue
        many = {"nargs": about["minItems"]} if about.get("type") == "array" else {}
        group.add_argument(
            "--" + key.replace("_", "-"),
            dest=f"{section}.{key}",
            default=argparse.SUPPRESS,  # so that a value that was given can be told from a default
            type=_convert(about.get("items", about)),
            choices=about.get("enum"),
            metavar=None if "enum" in about else key.upper(),
            help=_help(about["description"], defaults[key]),
            **many,
        )


def section_settings(
    given: argparse.Namespace, section: str, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Values of a section, checked against the schema.

    Parameters
    ----------
    given : Namespace
        Parsed options; they come first.
    section : str
    before : mapping, optional
        Values from elsewhere that come before the defaults.

    Raises
    ------
    InputError
        With every value that the config would refuse.
    """
    schema = read_schema(CHECKOUT / "workflow" / "schemas" / "config.schema.yaml")["properties"][section]
    values = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text(encoding="utf-8"))[section]
    values |= before or {}
    start = f"{section}."
    values |= {name.removeprefix(start): value for name, value in vars(given).items() if name.startswith(start)}
    problems = [
        Problem(f"--{key.split('.')[0].replace('_', '-')}", message) for key, message in schema_problems(values, schema)
    ]
    if problems:
        raise InputError(problems)
    return values


def example(*texts: str) -> dict[str, Any]:
    """Arguments of a parser that print examples under the help as they stand."""
    shown = "\n  ".join(texts)
    title = "example" if len(texts) == 1 else "examples"
    return {"epilog": f"{title}:\n  {shown}", "formatter_class": argparse.RawDescriptionHelpFormatter}


def check_outputs(paths: Sequence[str | None]) -> None:
    """Refuse outputs whose suffix names no format, before any work is done.

    Raises
    ------
    InputError
        With every such name.
    """
    known = (".tsv", ".csv", ".parquet", ".tsv.gz", ".csv.gz")
    problems = [
        Problem(path, f"the suffix names no format; expected one of {', '.join(known)}", column="output")
        for path in paths
        if path is not None and not path.endswith(known)
    ]
    if problems:
        raise InputError(problems)
