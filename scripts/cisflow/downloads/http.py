"""One file from one URL, continued where an earlier attempt stopped.

Inputs: a URL and the path of the partial file. Outputs: the partial file, whole; or :class:`TransferError` in words.
What was fetched so far stays on disk, with the URL and the server's mark of the version (ETag or date) beside it.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cisflow.downloads.source import BLOCK
from cisflow.files import write_json
from cisflow.progress import Progress

TIMEOUT = 60.0  # seconds without a byte
AGENT = "cisflow (snakemake workflow; fetches declared public files)"
RANGE_NOT_SATISFIABLE = 416


class TransferError(RuntimeError):
    """A URL did not give the file.

    Attributes
    ----------
    again : bool
        Whether trying the same URL again may help: a connection that broke, not a file that is not there.
    """

    def __init__(self, message: str, again: bool):
        super().__init__(message)
        self.again = again


@dataclass
class _Partial:
    """A partial file and what it is part of."""

    path: Path

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def begun(self, url: str, any_mirror: bool) -> tuple[int, str | None]:
        """Bytes that can be kept when ``url`` is fetched, and the mark of the version that they are part of."""
        note = self._read()
        if not self.path.exists() or "url" not in note:
            return 0, None
        size, same = self.path.stat().st_size, note["url"] == url
        if same and note.get("mark"):
            return size, note["mark"]
        return (size, None) if any_mirror else (0, None)  # without a mark only a published hash can tell

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def begin(self, url: str, mark: str | None) -> None:
        self.path.unlink(missing_ok=True)
        write_json({"url": url, "mark": mark}, self.note)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def drop_partial(path: Path) -> None:
    """Remove a partial file and the note beside it."""
    _Partial(path).drop()


def _mark(headers: Any) -> str | None:
    """What tells two versions of a file apart: a strong ETag, else the date of the last change."""
    tag = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _total(headers: Any, status: int, have: int) -> int | None:
    """Size of the whole file, from the headers of a whole or a partial answer."""
    if status == http.client.PARTIAL_CONTENT:
        total = (headers.get("Content-Range") or "").rpartition("/")[2]
        return int(total) if total.isdigit() else None
    length = headers.get("Content-Length")
    return int(length) if length and length.isdigit() and not headers.get("Content-Encoding") else None


def _open(url: str, have: int, mark: str | None) -> Any:
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if mark:
            headers["If-Range"] = mark
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if have and error.code == RANGE_NOT_SATISFIABLE:
            raise
        passes = error.code in (408, 429) or error.code >= 500  # the other 4xx will be answered again
        raise TransferError(f"the server answers {error.code} {error.reason}", passes) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise TransferError(f"cannot be reached: {reason}", True) from error


def fetch_url(url: str, path: Path, expected_bytes: int | None, label: str, any_mirror: bool) -> None:
    """Fetch a URL into ``path``; bytes that it gave before are kept.

    Parameters
    ----------
    url : str
        http or https.
    path : Path
        Partial file.
    expected_bytes : int or None
        Published size; a server that announces another one is not read.
    label : str
        Name in progress lines.
    any_mirror : bool
        Also keep bytes that another URL gave: where a published hash will tell whether the whole is right.

    Raises
    ------
    TransferError
    """
    partial = _Partial(path)
    have, mark = partial.begun(url, any_mirror)
    try:
        answer = _open(url, have, mark)
    except urllib.error.HTTPError:  # the part is not a part of what is there now, or already all of it
        if expected_bytes is not None and have == expected_bytes:
            return
        partial.drop()
        have = 0
        answer = _open(url, 0, None)
    with answer:
        if answer.status != http.client.PARTIAL_CONTENT:
            have = 0
            partial.begin(url, _mark(answer.headers))
        elif not (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            partial.drop()
            raise TransferError(f"the server sends {answer.headers.get('Content-Range')!r} for bytes {have}-", True)
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind == "text/html" and not label.endswith((".html", ".htm")):
            partial.drop()
            raise TransferError("the server sends a web page, not the file", False)
        total = _total(answer.headers, answer.status, have)
        if total is not None and expected_bytes is not None and total != expected_bytes:
            partial.drop()
            raise TransferError(f"the server offers {total:,} bytes, expected {expected_bytes:,}", False)
        total = total or expected_bytes
        _room_for(path, (total or 0) - have)
        progress = Progress(f"fetch {label}", total and -(-total // BLOCK), "MiB", done=have // BLOCK)
        try:
            with open(path, "ab") as handle:
                while block := answer.read(BLOCK):
                    handle.write(block)
                    have += len(block)
                    progress.advance(have // BLOCK - progress.done)
                handle.flush()
                os.fsync(handle.fileno())
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(f"the connection broke after {have:,} bytes: {error}", True) from error
        progress.write()
        if total is not None and have < total:
            raise TransferError(f"the connection ended after {have:,} of {total:,} bytes", True)
        if total is not None and have > total:
            partial.drop()
            raise TransferError(f"{have:,} bytes came, expected {total:,}", True)


def _room_for(path: Path, more: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if more > free:
        raise TransferError(f"{more:,} more bytes do not fit on the disk of {path.parent} ({free:,} free)", False)
