"""A public file: where it can be fetched, and how it is recognised.

Inputs: a row of the downloads sheet. Outputs: :class:`Source`, and the size and digests of a file on disk compared with
it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = 1 << 20
VERIFIED = "size and published hash agree"
NOT_VERIFIED = "not verified against a published hash"


@dataclass(frozen=True)
class Source:
    """A public file.

    Attributes
    ----------
    file : str
        Name in the sheets.
    urls : sequence of str
        Mirrors, tried in order.
    bytes : int or None
        Published size.
    sha256, md5 : str or None
        Published digests, lower-case hexadecimal.
    """

    file: str
    urls: Sequence[str]
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None

    @property
    def has_hash(self) -> bool:
        """Whether a digest was published."""
        return bool(self.sha256 or self.md5)

    def described(self) -> str:
        """What is known of the file, for messages: size and digests."""
        known = [f"{self.bytes:,} bytes"] if self.bytes is not None else []
        known += [f"{name} {value}" for name, value in (("SHA-256", self.sha256), ("MD5", self.md5)) if value]
        return ", ".join(known) or "no published size or hash"


@dataclass(frozen=True)
class Digests:
    """Size and digests of a file on disk."""

    bytes: int
    sha256: str
    md5: str


def digests_of(path: str | Path) -> Digests:
    """Size, SHA-256 and MD5 of a file, read once."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as handle:
        while block := handle.read(BLOCK):
            sha256.update(block)
            md5.update(block)
            size += len(block)
    return Digests(size, sha256.hexdigest(), md5.hexdigest())


def differences(source: Source, found: Digests) -> list[str]:
    """What of a file differs from what was published, in words; empty when nothing does."""
    differing = []
    if source.bytes is not None and found.bytes != source.bytes:
        differing.append(f"{found.bytes:,} bytes, expected {source.bytes:,}")
    for name, wanted, got in (("SHA-256", source.sha256, found.sha256), ("MD5", source.md5, found.md5)):
        if wanted and wanted.lower() != got:
            differing.append(f"{name} {got}, expected {wanted.lower()}")
    return differing
