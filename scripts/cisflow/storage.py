"""What went wrong when a file could not be written, in words that name the file, the file system and what to do.

Purpose: a full disk or a read-only folder is no fault of the program, and a traceback hides it. Inputs: the error, and
where it happened. Outputs: :class:`StorageError`; folders that cannot be written to, before any job starts.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Below this free space a failed write counts as one for want of space: not every library says so in its error.
LEAST_FREE_BYTES = 256 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = ("no space left on device", "os error 28", "errno = 28", "disk quota exceeded")
_READ_ONLY_TEXTS = ("read-only file system", "os error 30", "errno = 30")


class StorageError(RuntimeError):
    """A file could not be written because of the disk that it was to lie on."""


def _existing(path: Path) -> Path:
    """The path, or its nearest folder that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def mount_point(path: str | Path) -> Path:
    """Where the file system begins that a path lies on, or would lie on."""
    folder = _existing(Path(path)).resolve()
    return next(place for place in (folder, *folder.parents) if os.path.ismount(place))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def storage_problem(error: BaseException, path: str | Path) -> str | None:
    """What an error says of the disk that a path lies on; None when it was something else.

    Parameters
    ----------
    error : BaseException
        With those that it came from.
    path : path
        File that was written, or a folder.
    """
    errors = list(_chain(error))
    codes = {one.errno for one in errors if isinstance(one, OSError)}
    text = " ".join(str(one) for one in errors).lower()
    place = mount_point(path)
    usage = shutil.disk_usage(place)
    if codes & set(_FULL) or any(part in text for part in _FULL_TEXTS) or usage.free < LEAST_FREE_BYTES:
        size = f"{usage.free / 1e6:,.1f} MB free of {usage.total / 1e6:,.0f} MB on {place}"
        return f"{path}: no space left ({size}). Free some and run the same command again; what is done is kept"
    if errno.EROFS in codes or any(part in text for part in _READ_ONLY_TEXTS):
        return (
            f"{path}: the file system {place} is read-only. Mount it for writing, or run in another folder "
            "(snakemake --directory)"
        )
    return None


def unwritable(folders: Iterable[str | Path]) -> list[str]:
    """A line for every folder that cannot be written to, or not be made where it is missing."""
    problems = []
    for folder in map(Path, folders):
        there = _existing(folder)
        if os.access(there, os.W_OK | os.X_OK):
            continue
        read_only = bool(os.statvfs(there).f_flag & os.ST_RDONLY)
        place = mount_point(there)
        why = f"the file system {place} is read-only" if read_only else f"no permission to write in {there}"
        problems.append(f"{folder}: {why}; mend that, or run in another folder (snakemake --directory)")
    return problems
