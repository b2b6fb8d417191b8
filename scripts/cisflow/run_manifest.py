"""Manifest of a whole run, and whether its files are still what they were.

Inputs: the folder of a run (``results/NAME``). Outputs: ``manifest.json`` with the versions, the seed, the command and
the SHA-256 of every file of the run; a table of what no longer matches it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.files import sha256, write_json
from cisflow.made import check_run
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.provenance import versions

if TYPE_CHECKING:
    import pandas as pd

RUN_MANIFEST = "manifest.json"
COLUMNS = ("file", "state", "recorded", "found")


def run_files(folder: str | Path) -> dict[str, Path]:
    """Files of a run by their name relative to its folder, in order; without the run's manifest and hidden files."""
    folder = Path(folder)
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    found.pop(RUN_MANIFEST, None)
    return dict(sorted(found.items()))


def hash_files(files: Mapping[str, Path], threads: int = 1) -> dict[str, str]:
    """SHA-256 of files by name; reads each once, in blocks of 1 MiB."""
    progress = Progress("hash", sum(path.stat().st_size for path in files.values()) // 1_000_000, "MB")

    def digest(path: Path) -> str:
        found = sha256(path)
        progress.advance(path.stat().st_size // 1_000_000)
        return found

    with ThreadPoolExecutor(threads) as pool:  # hashing and reading release the interpreter
        return dict(zip(files, pool.map(digest, files.values()), strict=True))


def record_run(
    folder: str | Path,
    *,
    seed: int,
    command: str | None,
    packages: Mapping[str, str],
    code: str,
    threads: int = 1,
) -> dict[str, Any]:
    """Write ``manifest.json`` of a finished run.

    Parameters
    ----------
    folder : path
        Folder of the run.
    seed : int
        Seed of the run (``seed`` in the config), from which all others are derived.
    command : str or None
        Command that started the run, where it is known.
    packages : mapping of str to str
        Versions by package.
    code : str
        Digest of the library (:func:`cisflow.code_digest.library_hash`).
    threads : int
        Files hashed at the same time.

    Returns
    -------
    dict
        What was written: ``command, seed, code, versions, files`` (SHA-256 by name relative to the folder). No time
        and no name of a machine.

    Raises
    ------
    DamagedError
        When a file is no longer what its job wrote.
    """
    digests = hash_files(run_files(folder), threads)
    check_run(folder, digests)
    content = {"command": command, "seed": seed, "code": code, "versions": dict(packages), "files": digests}
    write_json(content, Path(folder) / RUN_MANIFEST)
    return content


def read_run_manifest(folder: str | Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises
    ------
    InputError
        The folder or its manifest is missing, or the manifest is not one.
    """
    path = Path(folder) / RUN_MANIFEST
    if not path.is_file():
        told = "no manifest; expected the folder of a finished run, e.g. results/demo"
        raise InputError([Problem(path, told)])
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = [*content["files"].items(), *content["versions"].items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        names = [("", None)]
    if not all(isinstance(text, str) for pair in names for text in pair):
        raise InputError([Problem(path, "not the manifest of a run: expected JSON with files and versions")])
    return content


def verify_run(folder: str | Path, code: str, threads: int = 1) -> pd.DataFrame:
    """Compare a run with its manifest.

    Parameters
    ----------
    folder : path
        Folder of the run.
    code : str
        Digest of the library that verifies.
    threads : int
        Files hashed at the same time.

    Returns
    -------
    DataFrame
        ``file, state, recorded, found``: a row per difference, none when all matches. ``state`` is changed, missing or
        new for a file (SHA-256 recorded and found), version for a package or the library whose version differs now.

    Raises
    ------
    InputError
        See :func:`read_run_manifest`.
    """
    import pandas as pd

    recorded = read_run_manifest(folder)
    known, present = recorded["files"], run_files(folder)
    found = hash_files({name: path for name, path in present.items() if name in known}, threads)
    rows = [(name, "missing", digest, "") for name, digest in known.items() if name not in present]
    rows += [(name, "changed", known[name], digest) for name, digest in found.items() if digest != known[name]]
    rows += [(name, "new", "", "") for name in present if name not in known]
    now = versions(*(name for name in recorded["versions"] if name not in ("cisflow", "python")))
    then = recorded["versions"]
    rows += [(name, "version", then[name], now[name]) for name in sorted(then) if then[name] != now[name]]
    if recorded.get("code") != code:
        rows.append(("code of cisflow", "version", str(recorded.get("code")), code))
    return pd.DataFrame(rows, columns=list(COLUMNS))
