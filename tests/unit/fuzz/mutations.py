"""Bytes and texts for the parsers: anything at all, and valid files with a few changes."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

from hypothesis import strategies as st

#: Pieces that parsers of numbers, names and lines stumble over.
TOKENS = [
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"",
    b"0",
    b"-1",
    b"1e400",
    b"nan",
    b"inf",
    b"1_0",
    b"9" * 25,
    b"9" * 5000,
    b"4294967296",
    "\u00b2\u0663".encode(),
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x00",
    b"\x1f\x8b",
    b'"',
    b"'",
    b"#",
    b">",
    b"@",
    b"+",
    b"[" * 2000,
    b"{",
    b"}",
    b":",
    b",",
    b"=",
    b"<",
    b"../",
    b"\x0b\x0c\x1c\xe2\x80\xa8",
]
MOST_CHANGES = 4


@st.composite
def changed(draw, valid: Sequence[bytes]) -> bytes:
    """A valid file with a few changes: pieces cut out, doubled, put in, or bytes replaced; or cut short."""
    data = draw(st.sampled_from(list(valid)))
    for _ in range(draw(st.integers(1, MOST_CHANGES))):
        kind = draw(st.integers(0, 5))
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([1, 2, 5, 20, 200])))
        if kind == 0:
            data = data[:start] + data[end:]
        elif kind == 1:
            data = data[:start] + draw(st.sampled_from(TOKENS)) + data[start:]
        elif kind == 2:
            data = data[:start] + draw(st.sampled_from(TOKENS)) + data[end:]
        elif kind == 3:
            data = data[:start] + draw(st.binary(min_size=1, max_size=4)) + data[start + 1 :]
        elif kind == 4:
            data = data[:end] + data[start:end] + data[end:]
        else:
            data = data[:start]
    if draw(st.integers(0, 19)) == 0:
        data = gzip.compress(data, mtime=0)[: draw(st.sampled_from([None, -1, -9, 15]))]
    return data


def files(*valid: bytes) -> st.SearchStrategy[bytes]:
    """Bytes of a file: mostly changed valid ones, some that are anything."""
    return st.one_of(changed(valid), changed(valid), changed(valid), st.binary(max_size=300), st.sampled_from(valid))


def texts(*valid: str) -> st.SearchStrategy[str]:
    """Texts: changed valid ones, and any."""
    encoded = [text.encode() for text in valid]
    return st.one_of(changed(encoded).map(lambda data: data.decode("utf-8", "replace")), st.text(max_size=80))
