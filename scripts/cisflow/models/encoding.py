"""Sequences as numbers.

Inputs: DNA strings. Outputs: uint8 codes (0 A, 1 G, 2 C, 3 T, 4 N) of one length for all, kept in memory, and float32
tensors made from them batch by batch: channels A, G, C, T, then flags. The order A, G, C, T makes the code of the
complement ``3 - code``; N is zero in all four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cisflow.problems import InputError, Problem
from cisflow.registry import Registry

ENCODINGS = Registry("encoding")

CODES = "AGCTN"
N_CODE = 4
_UNKNOWN = 255
_CODE_OF_BYTE = np.full(256, _UNKNOWN, dtype=np.uint8)
for _code, _letter in enumerate(CODES):
    _CODE_OF_BYTE[[ord(_letter), ord(_letter.lower())]] = _code
_COMPLEMENT = np.array([3, 2, 1, 0, N_CODE], dtype=np.uint8)

#: Bases of the yeast reporter plasmid directly upstream of the variable part (de Boer et al. 2020; Rafi et al. 2024).
#: The last 17 are the left adapter that every promoter string of the challenge begins with.
PLASMID_LEFT = (
    "AGTCCACTATTAAAGAACGTGGACTCCAACGTCAAAGGGCGAAAAACCGTCTATCAGGGCGATGGCCCACTACGTGAACCATCACCCTAATCAAGTGCTAGCAGGAATGATGCAAAAG"
    "GTTCCCGATTCGAACTGCATTTTTTTCACATC"
)
LEFT_ADAPTER_LENGTH = 17

CHUNK = 1 << 16  # rows per block of work: bounds the memory of index arrays


def letter_codes(
    sequences: Sequence[str], where: str = "sequences", first_row: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of all letters in a row, and where each sequence ends.

    Parameters
    ----------
    sequences : sequence of str
        Upper or lower case A, C, G, T, N.
    where : str
        File for messages.
    first_row : int
        0-based row of the first sequence in that file.

    Returns
    -------
    codes : uint8 array
    ends : int64 array, (n,)
        Exclusive end of each sequence in ``codes``.

    Raises
    ------
    InputError
        When there are other letters; names the first sequence that has one.
    """
    ends = np.cumsum(np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences)))
    text = "".join(sequences).encode("ascii", "replace")
    codes = _CODE_OF_BYTE[np.frombuffer(text, dtype=np.uint8)]
    unknown = codes == _UNKNOWN
    if unknown.any():
        rows = np.unique(np.searchsorted(ends, np.flatnonzero(unknown), side="right"))
        letter = next(c for c in sequences[rows[0]] if c.upper() not in CODES)
        raise InputError(
            Problem(
                where,
                f"letter {letter!r} in sequence {sequences[rows[0]]!r}; expected A, C, G, T or N "
                f"({len(rows)} of {len(sequences)} sequences have other letters)",
                row=first_row + int(rows[0]) + 2,
                column="sequence",
            )
        )
    return codes, ends


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Reverse complement of codes along the last axis."""
    return _COMPLEMENT[codes[..., ::-1]]


def expand(codes: torch.Tensor, *flags: torch.Tensor) -> torch.Tensor:
    """One-hot channels and flags.

    Parameters
    ----------
    codes : uint8 Tensor, (batch, length)
    *flags : Tensor, (batch,)
        Each becomes a channel that is constant along the sequence.

    Returns
    -------
    float32 Tensor, (batch, 4 + number of flags, length)
    """
    batch, length = codes.shape
    bases = torch.arange(4, dtype=codes.dtype, device=codes.device)
    x = torch.empty((batch, 4 + len(flags), length), dtype=torch.float32, device=codes.device)
    x[:, :4] = codes[:, None, :] == bases[None, :, None]
    for channel, flag in enumerate(flags, start=4):
        x[:, channel] = flag[:, None]
    return x


class _RightAligned:
    """Sequences written so that their 3' ends stand in one column, behind a left context or N.

    Parameters
    ----------
    length : int
    context : str
        Bases before every sequence; N beyond its start.
    drop : int
        Leading bases of every sequence that are left out.
    flags : sequence of str
        Channels after the bases: ``is_reverse`` and ``is_singleton``, either, or none.
    """

    FLAGS = ("is_reverse", "is_singleton")

    def __init__(self, length: int, context: str, drop: int, flags: Sequence[str]):
        unknown = [flag for flag in flags if flag not in self.FLAGS]
        if unknown:
            raise InputError(Problem("recipe", f"unknown flags {unknown}; known: {list(self.FLAGS)}", column="flags"))
        self.length, self.drop, self.flags = length, drop, tuple(flags)
        self.n_channels = 4 + len(self.flags)
        tail = letter_codes([context], "recipe")[0][-length:]
        self._context = np.concatenate([np.full(length - len(tail), N_CODE, dtype=np.uint8), tail])

    def _check(self, codes: np.ndarray, ends: np.ndarray, where: str, first_row: int) -> None:
        """Refuse sequences that this encoding is not made for."""

    def codes(self, sequences: Sequence[str], where: str = "sequences") -> np.ndarray:
        """Encode sequences.

        Parameters
        ----------
        sequences : sequence of str
        where : str
            File for messages.

        Returns
        -------
        uint8 array, (n, length)

        Raises
        ------
        InputError
            On letters outside A, C, G, T, N, and on sequences that the encoding is not made for.
        """
        sequences = list(sequences)
        encoded = np.empty((len(sequences), self.length), dtype=np.uint8)
        from_right = np.arange(self.length - 1, -1, -1)
        for first in range(0, len(sequences), CHUNK):
            rows = slice(first, first + CHUNK)
            codes, ends = letter_codes(sequences[rows], where, first)
            self._check(codes, ends, where, first)
            used = np.maximum(np.diff(ends, prepend=0) - self.drop, 0)[:, None]
            own = from_right < used
            codes = np.append(codes, np.uint8(N_CODE))  # read where the context is written instead
            from_sequence = codes[np.where(own, ends[:, None] - 1 - from_right, -1)]
            from_context = self._context[np.where(own, 0, self.length - 1 - (from_right - used))]
            encoded[rows] = np.where(own, from_sequence, from_context)
        return encoded

    def positions(self, sequences: Sequence[str]) -> np.ndarray:
        """Base of the sequence that each code shows, int64 (n, length), 0-based; -1 where it shows none."""
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))[:, None]
        from_right = np.arange(self.length - 1, -1, -1)
        return np.where(from_right < np.maximum(lengths - self.drop, 0), lengths - 1 - from_right, -1)

    def tensor(self, codes: torch.Tensor, is_reverse: torch.Tensor, is_singleton: torch.Tensor) -> torch.Tensor:
        """Network input (batch, channels, length) from codes (batch, length) and flags (batch,)."""
        given = {"is_reverse": is_reverse, "is_singleton": is_singleton}
        return expand(codes, *(given[name] for name in self.flags))


@ENCODINGS.register("plasmid")
class PlasmidEncoding(_RightAligned):
    """Promoters in the plasmid that carries them, as in the DREAM models.

    The promoter's own left adapter is replaced by the plasmid's bases up to and including it, and the last ``length``
    bases are kept: short promoters show more plasmid, long ones lose bases on the left.

    Parameters
    ----------
    length : int
    left_context : str
        Plasmid bases upstream of the variable part, adapter included.
    left_adapter_length : int
        Leading bases of every sequence that are replaced.
    flags : sequence of str
    """

    def __init__(
        self,
        length: int = 150,
        left_context: str = PLASMID_LEFT,
        left_adapter_length: int = LEFT_ADAPTER_LENGTH,
        flags: Sequence[str] = _RightAligned.FLAGS,
    ):
        super().__init__(length, left_context, left_adapter_length, flags)
        self._adapter = letter_codes([left_context[-left_adapter_length:]])[0] if left_adapter_length else None

    def _check(self, codes: np.ndarray, ends: np.ndarray, where: str, first_row: int) -> None:
        # Single sequences may carry errors in the adapter, but a library without it would lose promoter bases.
        if self._adapter is None or not len(codes):
            return
        starts = np.concatenate([[0], ends[:-1]])
        window = np.minimum(starts[:, None] + np.arange(self.drop), len(codes) - 1)
        share = float(((codes[window] == self._adapter).mean(axis=1) >= 0.8).mean())
        if share < 0.5:
            adapter = "".join(CODES[c] for c in self._adapter)
            raise InputError(
                Problem(
                    where,
                    f"only {share:.1%} of the sequences begin with the left adapter {adapter}, which the encoding "
                    "`plasmid` replaces; expected whole amplicons. For other libraries use the encoding `pad`",
                    column="sequence",
                )
            )


@ENCODINGS.register("pad")
class PadEncoding(_RightAligned):
    """Sequences with N before them up to ``length``.

    Parameters
    ----------
    length : int
        Must not be shorter than the longest sequence.
    flags : sequence of str
    """

    def __init__(self, length: int, flags: Sequence[str] = _RightAligned.FLAGS):
        super().__init__(length, "", 0, flags)

    def _check(self, codes: np.ndarray, ends: np.ndarray, where: str, first_row: int) -> None:
        lengths = np.diff(ends, prepend=0)
        if lengths.max() > self.length:
            row = int(lengths.argmax())
            raise InputError(
                Problem(
                    where,
                    f"sequence of {lengths[row]} bases, longer than the recipe's encoding length {self.length}",
                    row=first_row + row + 2,
                    column="sequence",
                )
            )
