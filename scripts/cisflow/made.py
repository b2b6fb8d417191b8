"""Files of a run are what their jobs wrote, or the next job says which is not.

Purpose: a truncated or otherwise damaged intermediate file must not pass on into results. Inputs: the files that a job
wrote or reads. Outputs: size and SHA-256 of every output, ``results/{run}/.made/{file}.json``; :class:`DamagedError`.
Files from outside the run have no record and are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from cisflow.files import sha256, write_json

RECORDS = ".made"


class DamagedError(RuntimeError):
    """Files of the run are not what their jobs wrote."""


def _record(path: PurePath) -> Path | None:
    """Where the record of a file of a run lies; None for other files."""
    parts = path.parts
    if path.is_absolute() or len(parts) < 3 or parts[0] != "results":
        return None
    return Path(parts[0], parts[1], RECORDS, *parts[2:-1], f"{parts[-1]}.json")


def _files(paths: Iterable[str | Path]) -> Iterator[tuple[Path, Path]]:
    """Files with their records, each once; the files below a folder for a folder."""
    for path in dict.fromkeys(map(Path, paths)):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            record = _record(file)
            if record is not None and not file.is_dir():
                yield file, record


def forget(paths: Iterable[str | Path]) -> None:
    """Remove the records of files that are about to be made again."""
    for path in map(Path, paths):
        record = _record(path)
        if record is not None:
            record.unlink(missing_ok=True)
            for old in sorted(record.with_suffix("").rglob("*.json")):  # of a folder: one for each of its files
                old.unlink()


def note(paths: Iterable[str | Path]) -> None:
    """Record size and SHA-256 of files that a job has written, relative to the working folder."""
    for file, record in _files(paths):
        write_json({"bytes": file.stat().st_size, "sha256": sha256(file)}, record)


def difference(file: Path, record: Path, digest: str | None = None) -> str | None:
    """What of a file is not as recorded; None when it matches or there is no record to compare with.

    Parameters
    ----------
    file, record : Path
    digest : str, optional
        Its SHA-256, where it is known already.
    """
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        size_then, digest_then = int(known["bytes"]), str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):  # missing or itself damaged
        return None
    size = file.stat().st_size
    if size != size_then:
        return f"{file}: {size:,} bytes, its job wrote {size_then:,}"
    return f"{file}: other bytes than its job wrote" if (digest or sha256(file)) != digest_then else None


def _message(found: list[str]) -> str:
    told = "Delete the file and run the same command again: it is made anew, and so is what depends on it"
    return "\n".join(["damaged or changed since it was made:", *(f"  {line}" for line in found), f"  {told}."])


def check(paths: Iterable[str | Path]) -> None:
    """Compare files of a run with what their jobs wrote.

    Raises
    ------
    DamagedError
        With every file that differs.
    """
    if found := [text for file, record in _files(paths) if file.is_file() and (text := difference(file, record))]:
        raise DamagedError(_message(found))


def check_run(folder: str | Path, digests: dict[str, str]) -> None:
    """Compare the files of a finished run with what their jobs wrote.

    Parameters
    ----------
    folder : path
        ``results/{run}``.
    digests : dict of str to str
        SHA-256 by name relative to the folder, as they are now.

    Raises
    ------
    DamagedError
        With every file that differs.
    """
    folder = Path(folder)
    records = {name: folder / RECORDS / f"{name}.json" for name in digests}
    each = ((folder / name, record, digests[name]) for name, record in records.items())
    if found := [text for one in each if (text := difference(*one))]:
        raise DamagedError(_message(found))
