"""A genome with the names and lengths of a real one that takes hardly any disk: a 2bit file with holes.

Random bases lie around given places alone, and what is written out at places; all else is T.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cisflow.contacts.two_bit import SIGNATURE

STORED = {base: number for number, base in enumerate("TCAG")}


def write_sparse_genome(
    path: Path,
    lengths: Mapping[str, int],
    places: Iterable[tuple[str, int]],
    texts: Iterable[tuple[str, int, str]],
    radius: int = 2000,
) -> None:
    """Write a 2bit file: random bases around ``places`` (0-based), and ``texts`` from their places on (N: as is)."""
    index = sum(1 + len(name.encode()) + 4 for name in lengths)
    offset, body = 16 + index, {}
    with open(path, "wb") as handle:
        handle.write(struct.pack("<4I", SIGNATURE, 0, len(lengths), 0))
        for name, length in lengths.items():
            handle.write(bytes([len(name.encode())]) + name.encode() + struct.pack("<I", offset))
            body[name] = offset + 16
            offset += 16 + -(-length // 4)
        handle.truncate(offset)
    rng = np.random.default_rng(3)
    packed = np.memmap(path, dtype=np.uint8, mode="r+")
    for name, length in lengths.items():
        packed[body[name] - 16 : body[name]] = np.frombuffer(struct.pack("<4I", length, 0, 0, 0), dtype=np.uint8)
    for name, place in sorted(places):
        low, high = max(place - radius, 0) // 4, min(place + radius, lengths[name] - 4) // 4
        packed[body[name] + low : body[name] + high] = rng.integers(0, 256, high - low)
    for name, place, text in texts:
        for at, base in enumerate(text.upper(), place):
            if base in STORED:
                byte, shift = body[name] + at // 4, 6 - 2 * (at % 4)
                packed[byte] = (int(packed[byte]) & ~(3 << shift)) | (STORED[base] << shift)
    packed.flush()
