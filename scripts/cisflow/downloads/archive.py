"""Single files out of an archive. Nothing is ever written under a name that the archive chose.

Inputs: a tar archive (plain, gzip, bzip2, xz) or a zip file, and the name of a member. Outputs: the member's bytes.
"""

from __future__ import annotations

import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from cisflow.problems import InputError, Problem

MOST_SHOWN = 20
#: What the readers of archives end with when one is damaged, encrypted, or packed in a way that they do not know.
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,  # encrypted members, and compressions that zipfile does not know
    ValueError,
)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in PurePosixPath(name.replace("\\", "/")).parts if part != ".")


def _is_outside(name: str) -> bool:
    parts = _parts(name)
    return ".." in parts or name.startswith(("/", "\\")) or (bool(parts) and ":" in parts[0])


def _one_member(names: list[str], wanted: str, archive: Path) -> int:
    """Place of the member whose path ends in ``wanted``, or else of the only one with its file name.

    The whole archive is refused when a name leads out of it.
    """
    outside = [name for name in names if _is_outside(name)]
    if outside:
        what = f"{len(outside)} members would lie outside of the folder, e.g. {outside[0]!r}"
        raise InputError(Problem(str(archive), f"{what}: the archive is not unpacked"))
    end = _parts(wanted)
    found = [i for i, name in enumerate(names) if _parts(name)[-len(end) :] == end]
    found = found or [i for i, name in enumerate(names) if _parts(name)[-1:] == end[-1:]]
    if len(found) != 1:
        listed = ", ".join(names[:MOST_SHOWN]) + (", ..." if len(names) > MOST_SHOWN else "")
        many = f"{len(found)} members are called" if found else "no member is called"
        raise InputError(Problem(str(archive), f"{many} {wanted!r}; the archive holds: {listed}", column="members"))
    return found[0]


@contextmanager
def _tar_member(archive: Path, wanted: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if not member.isdir()]
        member = members[_one_member([m.name for m in members], wanted, archive)]
        if not member.isreg():
            raise InputError(Problem(str(archive), f"member {member.name!r} is a link or a device, not a file"))
        stream = tar.extractfile(member)
        assert stream is not None
        yield stream


@contextmanager
def _zip_member(archive: Path, wanted: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as packed:
        members = [member for member in packed.infolist() if not member.is_dir()]
        with packed.open(members[_one_member([m.filename for m in members], wanted, archive)]) as stream:
            yield stream


def unpack_member(archive: str | Path, member: str, target: str | Path) -> None:
    """Write one member of an archive.

    Parameters
    ----------
    archive : path
    member : str
        Path inside the archive, or its end: folders before it do not matter, and others do not either where only one
        member has this file name.
    target : path
        File to write; the caller moves it into place when it is whole.

    Raises
    ------
    InputError
        The archive is damaged, holds names that lead out of its folder, or no such member (the message lists those that
        it holds).
    """
    archive = Path(archive)
    opened: Callable[[Path, str], object] = _zip_member if zipfile.is_zipfile(archive) else _tar_member
    try:
        with opened(archive, member) as stream, open(target, "wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
    except FileNotFoundError:
        raise InputError(Problem(str(archive), "file not found")) from None
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(Problem(str(archive), f"a damaged archive, or none: {error}")) from error
