"""Wrong inputs and what is said about each: the register behind ``docs/bad_input.md`` and its test.

A case is a function that makes a wrong input in a folder of its own and gives it to what a user would call: the check
of the settings, a command, or the reader of a format. It is registered with its kind, the input in words, and parts of
the message that is expected. A reader that refuses one record and goes on returns what it says about it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from cisflow.problems import InputError
from conftest import CHECKOUT

SCHEMAS = CHECKOUT / "workflow" / "schemas"
KINDS = {
    "Config": "the config and its overlays, checked before any job",
    "Sheets": "sheets of a study, checked before any job",
    "Recipes": "recipes of models and settings of designs",
    "FASTQ": "reads of sorted bins",
    "Sequences": "FASTA, 2bit, and tables of ordered sequences",
    "Counts and bins": "counts per bin, and the bins, of the command `cisflow estimate` and of the counts source",
    "Tables of a dataset": "training and test tables, subsets",
    "Predictions": "submissions and predictions made elsewhere",
    "Contact maps": "cooler, multi-resolution cooler, .hic, lists of pairs, rename tables",
    "Intervals and genes": "BED, narrowPeak, GTF, GFF3, bigWig",
    "Variants": "VCF and lists of changes; a bad record is refused with its reason, and the others are used",
    "Motifs": "MEME files",
    "Models": "bundles and published weights",
    "Requests": "requests of evaluators to `cisflow serve`",
    "Archives and runs": "archives of public files, manifests",
}


@dataclass(frozen=True)
class Case:
    """A wrong input.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    what : str
        The input in words.
    parts : tuple of str
        Of the message; ``file:`` in front of a path is taken off.
    run : function
        Makes the input in a folder and hands it over.
    """

    kind: str
    what: str
    parts: tuple[str, ...]
    run: Callable[[Path], str | None]

    @property
    def name(self) -> str:
        """Name in the test's output."""
        return re.sub(r"\W+", "_", f"{self.kind} {self.what}").strip("_")[:90]


class Told(Exception):
    """What a command said before it ended with exit code 1."""


CASES: list[Case] = []


def case(kind: str, what: str, *parts: str) -> Callable[[Callable[[Path], str | None]], Callable[[Path], str | None]]:
    """Register a wrong input."""
    assert kind in KINDS
    assert parts

    def add(run: Callable[[Path], str | None]) -> Callable[[Path], str | None]:
        CASES.append(Case(kind, what, parts, run))
        return run

    return add


def message_of(one: Case, folder: Path) -> str:
    """What is said about a wrong input, with paths relative to its folder.

    Any other exception than the one for bad input passes through, and fails the test.
    """
    try:
        said = one.run(folder)
    except (InputError, Told) as error:
        said = str(error)
    assert said, f"{one.name}: nothing was said"
    said = said.replace(f"{folder}/", "").replace(str(folder), ".").replace(f"{CHECKOUT}/", "checkout/")
    # How much is left of a name that a message cuts off depends on the length of the folder's name.
    return re.sub(r"(\w)\1{9,}\.\.\.", r"\1\1\1\1\1\1\1\1\1\1...", said)


def command(*arguments: str | Path) -> None:
    """Run a command of ``cisflow`` on bad input: exit code 1, one message, no traceback."""
    from cisflow.cli.main import main

    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main([str(argument) for argument in arguments])
    text = re.sub(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", said.getvalue())
    text = re.sub(r"(?m)^device: .*\n", "", text).strip()
    assert code == 1, text
    assert "Traceback" not in text
    raise Told(text)


def demo_config() -> dict:
    """The default config, as Snakemake reads it."""
    return copy.deepcopy(yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text(encoding="utf-8")))


def settings(folder: Path, edit: Callable[[dict], object] | None = None, **sheets: str | bytes | Callable) -> None:
    """Check the demo's settings after some edits.

    Parameters
    ----------
    folder : Path
    edit : function, optional
        Changes the config.
    **sheets : str, bytes or function
        New content of a sheet, or a function of the demo's content.
    """
    from cisflow.settings.study import read_study

    config = demo_config()
    for name, content in sheets.items():
        path = folder / f"{name}.tsv"
        if callable(content):
            content = content((CHECKOUT / config["sheets"][name]).read_text(encoding="utf-8"))
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        config["sheets"][name] = path.name
    if edit is not None:
        edit(config)
    read_study(config, SCHEMAS, CHECKOUT, folder)


def changed(old: str, new: str) -> Callable[[str], str]:
    """Content of a sheet with one piece replaced."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def copied(folder: Path, source: Path) -> Path:
    """A copy of a folder or file in a case's own folder."""
    target = folder / source.name
    shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return target
