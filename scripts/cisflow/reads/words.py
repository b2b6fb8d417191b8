"""Eight letters at a time: bytes of an array as unsigned 64-bit words, for compiled loops.

Inputs: arrays of bytes and places in them. Outputs: words with the letter of the lowest place in the lowest byte
(little-endian), and what is known about all eight letters at once. The callers keep eight bytes of room behind the
last letter, because words reach over the end of a sequence.

Numba keeps the compiled form of a function until its own file changes: after a change in this file, remove the
``__pycache__`` beside it, or the functions elsewhere that call these go on with the old ones.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

SIZE = 8
LOW = np.uint64(0x0101010101010101)
SEVEN = np.uint64(0x7F7F7F7F7F7F7F7F)
HIGH = np.uint64(0x8080808080808080)
NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
A, C, G, T, N = (np.uint64(ord(letter) * 0x0101010101010101) for letter in "ACGTN")
ONE, THREE, SHIFT_COUNT = np.uint64(1), np.uint64(3), np.uint64(56)
#: Bits that differ between A and T, and between C and G, in every byte.
AT, CG = np.uint64(ord("A") ^ ord("T")), np.uint64(ord("C") ^ ord("G"))


def _pointer(context, builder, signature, arguments):
    """Address of a place in an array, as a pointer to a word."""
    array = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=arguments[0])
    place = builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [arguments[1]])
    return builder.bitcast(place, ir.IntType(64).as_pointer())


@intrinsic
def load_word(typing_context, array, place):
    """Eight bytes from ``place`` on; need not be aligned."""

    def code(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, signature, arguments), align=1)

    return types.uint64(array, types.int64), code


@intrinsic
def store_word(typing_context, array, place, word):
    """Write eight bytes from ``place`` on; need not be aligned."""

    def code(context, builder, signature, arguments):
        builder.store(arguments[2], _pointer(context, builder, signature, arguments), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), code


@intrinsic
def swap_bytes(typing_context, word):
    """The same eight bytes in opposite order."""

    def code(context, builder, signature, arguments):
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), code


@intrinsic
def trailing_zeros(typing_context, word):
    """Number of bits below the lowest one that is set; the word must not be 0."""

    def code(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@njit(cache=True, nogil=True, inline="always")
def first_letters(word, n):
    """The first ``n`` letters (0 to 8) of a word, the others 0."""
    return word & ((ONE << np.uint64(8 * n)) - ONE) if n < SIZE else word


@njit(cache=True, nogil=True, inline="always")
def count_unequal(difference):
    """Number of bytes that are not 0; all must be below 128."""
    return np.int64((((difference + SEVEN) & HIGH) >> np.uint64(7)) * LOW >> SHIFT_COUNT)


@njit(cache=True, nogil=True)
def line_end(data, start, size):
    """Place of the first newline from ``start`` on and before ``size``, or -1; ``data`` has eight bytes more."""
    place = start
    while place < size:
        word = load_word(data, place) ^ NEWLINES
        # The lowest byte of 0 is marked exactly; bytes above it may be marked wrongly.
        marked = (word - LOW) & ~word & HIGH
        if marked:
            place += np.int64(trailing_zeros(marked)) // SIZE
            return place if place < size else -1
        place += SIZE
    return -1


@njit(cache=True, nogil=True, inline="always")
def only_bases(word):
    """Whether all eight letters are A, C, G, T or N."""
    other = ((word ^ A) + SEVEN) & ((word ^ C) + SEVEN) & ((word ^ G) + SEVEN) & ((word ^ T) + SEVEN)
    return ((other & ((word ^ N) + SEVEN)) | word) & HIGH == 0


@njit(cache=True, nogil=True, inline="always")
def complement_word(word):
    """Complements of eight letters A, C, G, T or N, in the same order."""
    is_n = (word >> np.uint64(3)) & LOW
    not_at = (word >> ONE) & LOW
    return word ^ ((not_at ^ LOW) * AT) ^ ((not_at & ~is_n) * CG)
