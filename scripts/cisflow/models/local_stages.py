"""Bins that see a short change of a sequence, computed stage by stage from what the unchanged sequence gave.

Purpose: at the first stages of an encoder, where its work lies, a change of some bases is seen by few positions around
it; only these are computed again, between stored values of the unchanged sequence. Inputs: an encoder, base codes.
Outputs: encodings of the bins that see the change, equal to encoding the sequence up to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from cisflow.models.orca_encoder import one_hot


class StagedEncoder(Protocol):
    """See :class:`cisflow.models.orca_encoder.Encoder`."""

    pools: tuple[int, ...]
    bin_size: int
    kernel_size: int
    reach: int

    def stage(self, signal: Tensor, number: int) -> Tensor:
        """One stage: pooling and four convolutions."""


@dataclass(frozen=True)
class Span:
    """Positions of a stage, half-open, counted from the start of the window after the stage's pooling.

    Attributes
    ----------
    start, end : int
        Those that see the change.
    read_start, read_end : int
        Those that they are computed from.
    """

    start: int
    end: int
    read_start: int
    read_end: int


def spans_of(encoder: StagedEncoder, start: int, end: int, length: int) -> list[Span]:
    """Positions of every stage that see a change of bases ``start`` to ``end`` of a window of ``length`` bases."""
    around, found = 4 * (encoder.kernel_size // 2), []
    for pool in encoder.pools:
        start, end, length = start // pool, -(-end // pool), length // pool
        start, end = max(0, start - around), min(length, end + around)
        found.append(Span(start, end, max(0, start - around), min(length, end + around)))
    return found


class StoredStages:
    """Values of a window around a stretch of its bases, for changes inside of the stretch.

    Parameters
    ----------
    encoder : Encoder
        In eval mode.
    codes : uint8 array, (length,)
        The unchanged window; A, C, G, T = 0 to 3, unknown = 4.
    start, end : int
        The stretch.
    """

    def __init__(self, encoder: StagedEncoder, codes: np.ndarray, start: int, end: int):
        self.encoder, self.start, self.end = encoder, start, end
        self.spans = spans_of(encoder, start, end, len(codes))
        #: Bins that see changes of the stretch.
        self.bins = self.spans[-1].start, self.spans[-1].end
        around = 2 * math.ceil(encoder.reach / encoder.bin_size) * encoder.bin_size
        left = max(0, start - start % encoder.bin_size - around)
        right = min(len(codes), end + -end % encoder.bin_size + around)
        self._inputs: list[Tensor] = []  # of every stage behind the first, before its pooling
        signal, spacing = _floats(encoder, codes[left:right]), 1
        for number, (pool, following) in enumerate(zip(encoder.pools[1:], self.spans[1:], strict=True)):
            spacing *= encoder.pools[number]
            signal, before = encoder.stage(signal, number), left // spacing
            here = slice(following.read_start * pool - before, following.read_end * pool - before)
            self._inputs.append(signal[..., here].clone())

    def encode(self, codes: np.ndarray) -> Tensor:
        """Encode the bins ``bins`` of a window that differs from the unchanged one inside of the stretch alone.

        Parameters
        ----------
        codes : uint8 array, (length,)
            The whole changed window.

        Returns
        -------
        Tensor, [1, channels, bins]
        """
        pools, spans = self.encoder.pools, self.spans
        signal = _floats(self.encoder, codes[spans[0].read_start * pools[0] : spans[0].read_end * pools[0]])
        for number, span in enumerate(spans):
            signal = self.encoder.stage(signal, number)[..., span.start - span.read_start : span.end - span.read_start]
            if number + 1 < len(spans):
                patched = self._inputs[number].clone()
                place = span.start - spans[number + 1].read_start * pools[number + 1]
                patched[..., place : place + signal.shape[-1]] = signal
                signal = patched
        return signal


def _floats(encoder: StagedEncoder, codes: np.ndarray) -> Tensor:
    device = next(encoder.parameters()).device
    return one_hot(torch.from_numpy(np.ascontiguousarray(codes))[None].to(device))
