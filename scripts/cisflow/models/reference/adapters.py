"""Sequences between constant adapters: only what lies between them is turned to the other strand.

Inputs: DNA strings with or without their adapters. Outputs: uint8 codes of what lies between them (0 A, 1 G, 2 C, 3 T,
4 N), and float32 tensors with the adapters around. Source: lentiviral reporter library of Agarwal et al. 2025, whose
model MPRAnn sees the reverse complement of the central 200 of 230 bases.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cisflow.models.encoding import CHUNK, ENCODINGS, expand, letter_codes
from cisflow.problems import InputError, Problem

LEFT_ADAPTER, RIGHT_ADAPTER = "AGGACCGGATCAACT", "CATTGCGTGAACCGA"


@ENCODINGS.register("between_adapters")
class BetweenAdaptersEncoding:
    """One width for all sequences, constant adapters on both sides, channels A, G, C, T.

    The reverse complement leaves the adapters where they are. Sequences of other lengths are left out of training and
    get no prediction.

    Parameters
    ----------
    width : int
        Bases between the adapters.
    left, right : str
        Adapters; sequences may carry them or lack them.
    flags : sequence of str
        ``[is_reverse]`` adds a channel that marks the reverse complement.
    """

    def __init__(
        self, width: int = 200, left: str = LEFT_ADAPTER, right: str = RIGHT_ADAPTER, flags: Sequence[str] = ()
    ):
        if list(flags) not in ([], ["is_reverse"]):
            raise InputError(Problem("recipe", f"{list(flags)}: expected [] or [is_reverse]", column="flags"))
        self.width, self.flags = width, tuple(flags)
        self.n_channels = 4 + len(self.flags)
        self._left, self._right = (letter_codes([adapter], "recipe")[0] for adapter in (left, right))
        self.length = len(self._left) + width + len(self._right)

    def usable(self, sequences: Sequence[str]) -> np.ndarray:
        """Rows that are ``width`` bases long, or as long as with both adapters, bool (n,)."""
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        return (lengths == self.width) | (lengths == self.length)

    def codes(self, sequences: Sequence[str], where: str = "sequences") -> np.ndarray:
        """Encode what lies between the adapters.

        Returns
        -------
        uint8 array, (n, width)

        Raises
        ------
        InputError
            On letters outside A, C, G, T, N, and on sequences that are neither ``width`` bases long nor as long as
            with both adapters.
        """
        sequences = list(sequences)
        encoded = np.empty((len(sequences), self.width), dtype=np.uint8)
        for first in range(0, len(sequences), CHUNK):
            rows = slice(first, first + CHUNK)
            codes, ends = letter_codes(sequences[rows], where, first)
            lengths = np.diff(ends, prepend=0)
            whole = lengths == self.length
            bad = np.flatnonzero(~whole & (lengths != self.width))
            if len(bad):
                raise InputError(
                    Problem(
                        where,
                        f"sequence of {lengths[bad[0]]} bases; expected {self.width}, or {self.length} with adapters "
                        f"({len(bad)} of {len(lengths)} sequences are of another length)",
                        row=first + int(bad[0]) + 2,
                        column="sequence",
                    )
                )
            starts = ends - lengths + np.where(whole, len(self._left), 0)
            encoded[rows] = codes[starts[:, None] + np.arange(self.width)]
        return encoded

    def positions(self, sequences: Sequence[str]) -> np.ndarray:
        """Base of the sequence that each code shows, int64 (n, width), 0-based; -1 where it shows none."""
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))[:, None]
        return np.where(lengths == self.length, len(self._left), 0) + np.arange(self.width)

    def tensor(self, codes: torch.Tensor, is_reverse: torch.Tensor, is_singleton: torch.Tensor) -> torch.Tensor:
        """Network input, float32 (batch, channels, length), from codes (batch, width) and flags (batch,)."""
        left, right = (
            torch.from_numpy(side).to(codes.device).expand(len(codes), -1) for side in (self._left, self._right)
        )
        return expand(torch.cat([left, codes, right], dim=1), *([is_reverse] if self.flags else []))
