"""A public file on disk: fetched from the first mirror that gives what was published, whole or not at all.

Inputs: a :class:`~cisflow.downloads.source.Source`. Outputs: the file under its final name, and a note beside it in the
folder ``.fetched`` that says where it came from and what its digests are.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from cisflow.downloads.http import TransferError, drop_partial, fetch_url
from cisflow.downloads.source import Digests, Source, differences, digests_of
from cisflow.files import atomic_path, write_json
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

#: What was fetched lies here, and under its final name as a second link: Snakemake removes outputs before a job starts
#: again, and a changed setting must not cost the transfer.
KEPT = ".fetched"
ATTEMPTS = 4
WAIT = 5.0  # seconds before the second attempt, doubled before each further one


def kept_path(folder: str | Path, file: str) -> Path:
    """Where a fetched file is kept."""
    return Path(folder) / KEPT / file


def note_path(folder: str | Path, file: str) -> Path:
    """Where it is written down what was fetched."""
    return Path(folder) / KEPT / f"{file}.fetched.json"


def read_note(folder: str | Path, file: str) -> dict[str, Any]:
    """What was fetched under this name, and from where; empty when nothing was."""
    try:
        return json.loads(note_path(folder, file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _by_hand(source: Source, place: str) -> str:
    return (
        f"Fetch it by hand ({source.described()}) and put it at {place}, or name its place in the config "
        f"(downloads.local); then run the same command again. A part that was fetched is kept and continued"
    )


def _one_mirror(source: Source, url: str, partial: Path, wait: float) -> None:
    """Fetch from one mirror, as often as it may help."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            fetch_url(url, partial, source.bytes, source.file, any_mirror=source.has_hash)
            return
        except TransferError as error:
            if not error.again or attempt == ATTEMPTS:
                raise
            logger.info("%s: %s; attempt %d of %d follows in %g s", url, error, attempt + 1, ATTEMPTS, wait)
            time.sleep(wait)
            wait *= 2


def _accept(source: Source, partial: Path, url: str, folder: Path) -> Digests:
    """Check a file that came whole; TransferError when it is another one."""
    found = digests_of(partial)
    wrong = differences(source, found)
    if wrong:
        drop_partial(partial)
        raise TransferError(f"another file than the published one: {'; '.join(wrong)}", False)
    before = read_note(folder, source.file).get("sha256")
    if not source.has_hash and before not in (None, found.sha256):
        drop_partial(partial)
        note = note_path(folder, source.file)
        raise TransferError(
            f"SHA-256 {found.sha256}, but {before} was fetched first, and no hash was published to tell which is "
            f"right; remove {note} to take the new one",
            False,
        )
    return found


def _from_mirror(source: Source, url: str, partial: Path, folder: Path, wait: float) -> Digests:
    """Fetch from one mirror and check; what differs is fetched again whole where it began with bytes from before.

    Those may be of another mirror, or of a file that has changed: they must not spoil what this mirror gives.
    """
    continued = partial.exists()
    _one_mirror(source, url, partial, wait)
    try:
        return _accept(source, partial, url, folder)
    except TransferError as error:
        if not continued:
            raise
        logger.info("%s: %s; once more from its begin", url, error)
    _one_mirror(source, url, partial, wait)
    return _accept(source, partial, url, folder)


def _linked(kept: Path, target: Path) -> None:
    """Give the kept file its final name: a second link, or a copy where the disk has no links."""
    with atomic_path(target) as temporary:
        try:
            os.link(kept, temporary)
        except OSError:
            shutil.copyfile(kept, temporary)


def fetch(source: Source, folder: str | Path, place: str, wait: float = WAIT) -> Path:
    """Bring a public file to disk.

    Parameters
    ----------
    source : Source
    folder : path
        Folder of the downloads; the file becomes ``folder / source.file``.
    place : str
        Where a user who fetches the file by hand should put it, for the message.
    wait : float
        Seconds before a second attempt.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When no mirror gave the file: what each said, and what to do by hand.
    """
    folder = Path(folder)
    kept, target = kept_path(folder, source.file), folder / source.file
    kept.parent.mkdir(parents=True, exist_ok=True)
    if kept.exists():
        wrong = differences(source, digests_of(kept))
        if not wrong:
            logger.info("%s is already there", source.file)
            _linked(kept, target)
            return target
        logger.warning("%s as kept is another file than the published one (%s): fetched anew", kept, "; ".join(wrong))
        kept.unlink()
        note_path(folder, source.file).unlink(missing_ok=True)
    partial = kept.with_name(kept.name + ".part")
    problems = []
    for url in source.urls:
        try:
            found = _from_mirror(source, url, partial, folder, wait)
        except TransferError as error:
            problems.append(Problem(url, str(error)))
            logger.warning("%s: %s", url, error)
            continue
        note = {"file": source.file, "url": url, "bytes": found.bytes, "sha256": found.sha256, "md5": found.md5}
        write_json(note, note_path(folder, source.file))
        os.replace(partial, kept)
        drop_partial(partial)
        _linked(kept, target)
        logger.info("%s: %s bytes, SHA-256 %s, from %s", source.file, f"{found.bytes:,}", found.sha256, url)
        return target
    raise InputError([*problems, Problem(source.file, f"no mirror gave it. {_by_hand(source, place)}")])
