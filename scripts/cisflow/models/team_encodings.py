"""Encodings of the second and third teams of the 2022 challenge, beside those of :mod:`cisflow.models.encoding`.

Inputs: promoters as in the challenge's files (17 bases of left adapter, variable part, 13 bases of right adapter).
Outputs: uint8 codes (0 A, 1 G, 2 C, 3 T, 4 N) of one length for all, and float32 tensors made from them on any device.
Source: Rafi et al. 2024 (data processors of BHI and UnlockDNA).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cisflow.models.encoding import CHUNK, ENCODINGS, N_CODE, expand, letter_codes
from cisflow.problems import InputError, Problem
from cisflow.randomness import seed_for

#: Bases of the reporter plasmid before and after the promoter (Rafi et al. 2024).
FLANK_LEFT = "GCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAAC"
FLANK_RIGHT = "TCTTAATTAAAAAAAGATAGAAAACATTAGGAGTGTAACACAAGACTTTCGGATCCTGAGCAGGCAAGATAAACGA"
#: A draw below the first pads on the right; a second draw above the second pads on the left, else both sides get some.
RIGHT_BELOW, LEFT_ABOVE = 0.333, 0.666

N_TOKEN, MASK_TOKEN = 4, 5
_TOKEN_OF_CODE = (0, 2, 1, 3, N_TOKEN)  # codes are A, G, C, T, N; tokens A, C, G, T, N
_COMPLEMENT_CODE = (3, 2, 1, 0, N_CODE)


def _mixed(values: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers (finaliser of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _starts(ends: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], ends[:-1]]).astype(np.int64)


@ENCODINGS.register("random_flanks")
class RandomFlanksEncoding:
    """First ``length`` bases; shorter promoters get plasmid bases on the right, the left or both sides (BHI).

    The side is drawn once per sequence. The draw is a function of the sequence and ``seed`` alone, so that a prediction
    depends neither on the order nor on the other rows; equal sequences are padded alike.

    Parameters
    ----------
    length : int
    seed : int
        Seeds the draws.
    left_flank, right_flank : str
        Bases before and after the promoter on its plasmid.
    """

    n_channels = 4

    def __init__(self, length: int = 110, seed: int = 0, left_flank: str = FLANK_LEFT, right_flank: str = FLANK_RIGHT):
        self.length, self.seed = length, seed
        self._left, self._right = (letter_codes([flank], "recipe")[0] for flank in (left_flank, right_flank))

    def _draws(self, codes: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Two numbers in [0, 1) per sequence."""
        seed = np.uint64(seed_for(self.seed, "flanks"))
        position = np.arange(len(codes)) - np.repeat(starts, lengths)
        weighted = _mixed(position.astype(np.uint64) + seed) * (codes.astype(np.uint64) + np.uint64(1))
        digest = _mixed(np.add.reduceat(weighted, starts) + seed)
        first, second = (_mixed(digest + np.uint64(i)) >> np.uint64(11) for i in (1, 2))
        return first / 2.0**53, second / 2.0**53

    def _missing_left(self, codes: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Plasmid bases put before each sequence."""
        to_right, to_left = self._draws(codes, starts, lengths)
        missing = np.maximum(self.length - lengths, 0)
        return np.where(to_right < RIGHT_BELOW, 0, np.where(to_left > LEFT_ABOVE, missing, missing // 2))

    def positions(self, sequences: Sequence[str]) -> np.ndarray:
        """Base of the sequence that each code shows, int64 (n, length), 0-based; -1 where it shows none."""
        codes, ends = letter_codes(list(sequences))
        starts = _starts(ends)
        own = np.arange(self.length) - self._missing_left(codes, starts, ends - starts)[:, None]
        return np.where((own >= 0) & (own < (ends - starts)[:, None]), own, -1)

    def codes(self, sequences: Sequence[str], where: str = "sequences") -> np.ndarray:
        """Encode sequences.

        Returns
        -------
        uint8 array, (n, length)

        Raises
        ------
        InputError
            On letters outside A, C, G, T, N, and on sequences that lack more bases than a flank has.
        """
        sequences = list(sequences)
        encoded = np.empty((len(sequences), self.length), dtype=np.uint8)
        for first in range(0, len(sequences), CHUNK):
            rows = slice(first, first + CHUNK)
            codes, ends = letter_codes(sequences[rows], where, first)
            starts = _starts(ends)
            kept = np.minimum(ends - starts, self.length)
            missing = self.length - kept
            longest = min(len(self._left), len(self._right), self.length - 1)
            if missing.max() > longest:
                row = int(missing.argmax())
                raise InputError(
                    Problem(
                        where,
                        f"sequence of {kept[row]} bases; expected at least {self.length - longest}, because the flanks "
                        f"of the encoding `random_flanks` fill up no more than {longest} bases to {self.length}",
                        row=first + row + 2,
                        column="sequence",
                    )
                )
            left = self._missing_left(codes, starts, ends - starts)
            pool = np.concatenate([codes, self._left, self._right])
            column = np.arange(self.length)
            own = column - left[:, None]  # 0-based position in the promoter; negative before it
            source = np.where(own < 0, len(codes) + len(self._left) + own, starts[:, None] + own)
            after = own - kept[:, None]
            encoded[rows] = pool[np.where(after >= 0, len(codes) + len(self._left) + after, source)]
        return encoded

    def tensor(self, codes: torch.Tensor, is_reverse: torch.Tensor, is_singleton: torch.Tensor) -> torch.Tensor:
        """Network input, float32 (batch, 4, length), from codes (batch, length); there are no flags."""
        return expand(codes)


@ENCODINGS.register("two_strands")
class TwoStrandsEncoding:
    """Variable part between N, followed by its reverse complement, as six kinds of tokens (UnlockDNA).

    Tokens are A 0, C 1, G 2, T 3, N 4 and, for masked training, 5. Kept in memory is the given strand alone.

    Parameters
    ----------
    width : int
        Bases of one strand; promoters with a longer variable part are left out of training and get no prediction.
    head, tail : int
        Bases dropped at the two ends of each promoter: the adapters.
    """

    n_channels = 6

    def __init__(self, width: int = 100, head: int = 17, tail: int = 13):
        self.width, self.head, self.tail = width, head, tail
        self.length = 2 * width

    def usable(self, sequences: Sequence[str]) -> np.ndarray:
        """Rows whose variable part is not longer than ``width``, bool (n,)."""
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        return lengths - self.head - self.tail <= self.width

    def codes(self, sequences: Sequence[str], where: str = "sequences") -> np.ndarray:
        """Encode the given strand.

        Returns
        -------
        uint8 array, (n, width)

        Raises
        ------
        InputError
            On letters outside A, C, G, T, N, and on sequences that are not longer than the adapters or have a variable
            part that is longer than ``width``.
        """
        sequences = list(sequences)
        encoded = np.empty((len(sequences), self.width), dtype=np.uint8)
        for first in range(0, len(sequences), CHUNK):
            rows = slice(first, first + CHUNK)
            codes, ends = letter_codes(sequences[rows], where, first)
            starts = _starts(ends)
            inner = ends - starts - self.head - self.tail
            bad = np.flatnonzero((inner < 1) | (inner > self.width))
            if len(bad):
                adapters = self.head + self.tail
                raise InputError(
                    Problem(
                        where,
                        f"sequence of {inner[bad[0]] + adapters} bases; expected {adapters + 1} to "
                        f"{adapters + self.width} ({len(bad)} of {len(inner)} sequences are shorter or longer)",
                        row=first + int(bad[0]) + 2,
                        column="sequence",
                    )
                )
            own = np.arange(self.width) - ((self.width - inner) // 2)[:, None]
            inside = (own >= 0) & (own < inner[:, None])
            codes = np.append(codes, np.uint8(N_CODE))  # read where N is written
            encoded[rows] = codes[np.where(inside, starts[:, None] + self.head + own, -1)]
        return encoded

    def positions(self, sequences: Sequence[str]) -> np.ndarray:
        """Base of the sequence that each code shows, int64 (n, width), 0-based; -1 where it shows none."""
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))[:, None]
        inner = lengths - self.head - self.tail
        own = np.arange(self.width) - (self.width - inner) // 2
        return np.where((own >= 0) & (own < inner), self.head + own, -1)

    def tokens(self, codes: torch.Tensor) -> torch.Tensor:
        """Tokens of both strands, int64 (batch, 2 width), from codes (batch, width)."""
        complement = torch.tensor(_COMPLEMENT_CODE, device=codes.device)
        given = codes.long()
        both = torch.cat([given, complement[given].flip(1)], dim=1)
        return torch.tensor(_TOKEN_OF_CODE, device=codes.device)[both]

    def channels(self, tokens: torch.Tensor) -> torch.Tensor:
        """One channel per kind of token, float32 (batch, 6, 2 width)."""
        return torch.nn.functional.one_hot(tokens, self.n_channels).transpose(1, 2).float()

    def tensor(self, codes: torch.Tensor, is_reverse: torch.Tensor, is_singleton: torch.Tensor) -> torch.Tensor:
        """Network input, float32 (batch, 6, 2 width), from codes (batch, width); there are no flags."""
        return self.channels(self.tokens(codes))
