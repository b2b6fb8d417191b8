"""Text of a file, plain or gzip, as a stream of bytes.

Inputs: a path; gzip is told by the content, not by the name. Outputs: the text, piece by piece, and at the end of a
truncated or damaged gzip file what is wrong with it, so that all text before can be used first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from isal import igzip_lib

from cisflow.problems import InputError, Problem

GZIP_MAGIC = b"\x1f\x8b"
PACKED_BYTES = 1 << 18


def _member() -> igzip_lib.IgzipDecompressor:
    """Decompressor of one gzip member; it checks the member's checksum."""
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


class TextReader:
    """Reads a file.

    Parameters
    ----------
    path : path
    expected : str
        What the file should be, for the message when it is not there.

    Attributes
    ----------
    ended : bool
        Whether all text was read.
    failure : tuple of str
        Why the text ends before that of the whole file, and a question to ask; else empty.

    Raises
    ------
    InputError
        When the file is missing or cannot be opened.
    """

    def __init__(self, path: str | Path, expected: str = "a FASTQ file") -> None:
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115
            self._packed = self._file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            self._file.seek(0)
        except OSError as error:
            reason = "file not found" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
            raise InputError(Problem(str(path), f"{reason}; expected {expected}")) from None
        self._member = _member() if self._packed else None
        self.ended, self.failure = False, ()

    def _unpack(self, most: int) -> bytes:
        """Next text of a gzip file, at most ``most`` bytes; none at the end."""
        text = b""
        while not text:
            if self._member.eof:  # another member may follow, behind zeros
                rest = self._member.unused_data.lstrip(b"\0")
                while not rest:
                    if not (packed := self._file.read(PACKED_BYTES)):
                        return b""
                    rest = packed.lstrip(b"\0")
                self._member = _member()
            elif not self._member.needs_input:
                rest = b""
            elif not (rest := self._file.read(PACKED_BYTES)):
                raise EOFError
            text = self._member.decompress(rest, most)
        return text

    def read_into(self, room: np.ndarray) -> int:
        """Fill an array of bytes from its begin on; returns how many, 0 at the end."""
        if self.ended:
            return 0
        n = 0
        try:
            if self._packed:
                text = self._unpack(len(room))
                n = len(text)
                room[:n] = np.frombuffer(text, np.uint8)
            else:
                n = self._file.readinto(memoryview(room))
        except EOFError:
            self.failure = ("the gzip file ends early", "; is the copy complete?")
        except igzip_lib.error as error:
            self.failure = (f"the gzip file is damaged ({error})", "")
        self.ended = n == 0
        if self.ended:
            self._file.close()
        return n
