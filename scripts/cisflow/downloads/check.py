"""Whether a public file on disk is the published one: fetched, or a copy that a user had.

Inputs: a path and a :class:`~cisflow.downloads.source.Source`. Outputs: what the report says about it; or one error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cisflow.downloads.fetch import read_note
from cisflow.downloads.source import NOT_VERIFIED, VERIFIED, Source, differences, digests_of
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem


def check_file(path: str | Path, source: Source, folder: str | Path) -> dict[str, Any]:
    """Compare a file with what was published.

    Parameters
    ----------
    path : path
    source : Source
    folder : path
        Folder of the downloads, where it is written down what was fetched.

    Returns
    -------
    dict
        ``file, bytes, sha256, md5, source`` (the URL, or ``local copy``), ``verified`` (in words).

    Raises
    ------
    InputError
        When size or digest differ from the published ones.
    """
    found = digests_of(path)
    wrong = differences(source, found)
    if wrong:
        expected = "remove it to fetch it anew, or correct the row of the downloads sheet"
        what = f"another file than {source.file} as published: {'; '.join(wrong)}"
        raise InputError(Problem(str(path), f"{what}; {expected}"))
    note = read_note(folder, source.file)
    fetched = Path(path).resolve() == (Path(folder) / source.file).resolve() and note.get("sha256") == found.sha256
    verified = VERIFIED if source.has_hash else NOT_VERIFIED
    logger.info("%s: %s bytes, SHA-256 %s, %s", path, f"{found.bytes:,}", found.sha256, verified)
    return {
        "file": source.file,
        "bytes": found.bytes,
        "sha256": found.sha256,
        "md5": found.md5,
        "source": note["url"] if fetched else "local copy",
        "verified": verified,
    }
