"""MessagePack, as far as the Genomic API for Model Evaluation uses it: a second encoding of its JSON objects.

Inputs: None, booleans, numbers, text, bytes, lists, dicts with text keys, and arrays; or bytes. Outputs: bytes; or
those objects. Arrays are written as the package msgpack-numpy does: a map with keys of bytes (nd, type, kind, shape,
data).
Source: https://github.com/msgpack/msgpack/blob/master/spec.md.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

#: Nested lists and maps that are read; deeper ones are refused.
DEEPEST = 64
#: Formats of numbers by their first byte.
_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
#: Kind and format of the length of what is long, by the first byte.
_SIZED = {
    0xC4: ("bytes", ">B"),
    0xC5: ("bytes", ">H"),
    0xC6: ("bytes", ">I"),
    0xD9: ("text", ">B"),
    0xDA: ("text", ">H"),
    0xDB: ("text", ">I"),
    0xDC: ("list", ">H"),
    0xDD: ("list", ">I"),
    0xDE: ("map", ">H"),
    0xDF: ("map", ">I"),
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def _head(size: int, short: tuple[int, int] | None, longer: tuple[tuple[int, str, int], ...]) -> bytes:
    """First bytes of something of a size: in one byte where it fits (``short``: base and limit), else a longer form."""
    if short is not None and size < short[1]:
        return bytes([short[0] | size])
    for code, form, limit in longer:
        if size < limit:
            return bytes([code]) + struct.pack(form, size)
    raise ValueError(f"{size} items are too many")


def _integer(value: int) -> bytes:
    if 0 <= value < 128 or -32 <= value < 0:
        return struct.pack(">b" if value < 0 else ">B", value)
    forms = ((0xCC, ">B"), (0xCD, ">H"), (0xCE, ">I"), (0xCF, ">Q"))
    if value < 0:
        forms = ((0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q"))
    for code, form in forms:
        try:
            return bytes([code]) + struct.pack(form, value)
        except struct.error:
            continue
    raise ValueError(f"{value} does not fit 64 bits")


def packed(value: Any) -> bytes:
    """Write an object.

    Raises
    ------
    ValueError
        For a type that has no place here.
    """
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int | np.integer):
        return _integer(int(value))
    if isinstance(value, float | np.floating):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        sizes = ((0xD9, ">B", 1 << 8), (0xDA, ">H", 1 << 16), (0xDB, ">I", 1 << 32))
        return _head(len(text), (0xA0, 32), sizes) + text
    if isinstance(value, bytes):
        return _head(len(value), None, ((0xC4, ">B", 1 << 8), (0xC5, ">H", 1 << 16), (0xC6, ">I", 1 << 32))) + value
    if isinstance(value, list | tuple):
        head = _head(len(value), (0x90, 16), ((0xDC, ">H", 1 << 16), (0xDD, ">I", 1 << 32)))
        return head + b"".join(map(packed, value))
    if isinstance(value, dict):
        head = _head(len(value), (0x80, 16), ((0xDE, ">H", 1 << 16), (0xDF, ">I", 1 << 32)))
        return head + b"".join(packed(key) + packed(item) for key, item in value.items())
    if isinstance(value, np.ndarray):
        about = {b"nd": True, b"type": value.dtype.str, b"kind": b"", b"shape": list(value.shape)}
        return packed({**about, b"data": np.ascontiguousarray(value).tobytes()})
    raise ValueError(f"a {type(value).__name__} cannot be written")


class _Reader:
    """Reads objects from bytes; every step is checked against what is left."""

    def __init__(self, data: bytes):
        self.data, self.at = memoryview(data), 0

    def take(self, size: int) -> memoryview:
        if self.at + size > len(self.data):
            raise ValueError("ends too early")
        part = self.data[self.at : self.at + size]
        self.at += size
        return part

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self, depth: int = 0) -> Any:
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        code = self.number(">B")
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 256
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        if code in _NUMBERS:
            return self.number(_NUMBERS[code])
        if code < 0xC0:
            kind, size = (
                ("map", code & 15) if code < 0x90 else ("list", code & 15) if code < 0xA0 else ("text", code & 31)
            )
        elif code in _SIZED:
            kind, form = _SIZED[code]
            size = self.number(form)
        else:
            raise ValueError(f"type {code:#x} has no place here")
        if kind == "bytes":
            return bytes(self.take(size))
        if kind == "text":
            return str(self.take(size), "utf-8")
        if size > len(self.data) - self.at:  # every item takes a byte or more
            raise ValueError("ends too early")
        if kind == "list":
            return [self.value(depth + 1) for _ in range(size)]
        return self._map(size, depth)

    def _map(self, size: int, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for _ in range(size):
            key = self.value(depth + 1)
            if not isinstance(key, str | bytes):
                raise ValueError("a key is no text")
            if key in found:
                raise ValueError(f"key {key!r} is there twice")
            found[key] = self.value(depth + 1)
        return found


def unpacked(data: bytes) -> Any:
    """Read an object; the bytes hold nothing else.

    Raises
    ------
    ValueError
        Damaged, nested too deeply, a key twice, or a type that has no place here.
    """
    reader = _Reader(data)
    value = reader.value()
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes are left over")
    return value
