"""Encodings of altered sequences from those of the sequences that they come from.

Purpose: a small change alters the encoding of a long window in few bins only. What no base within reach has changed of
is taken from a window that was encoded before, the rest is encoded again: equal to encoding the whole window up to
rounding. Inputs: an encoder, base codes. Outputs: encodings of both strands.
Source of the method: Zhou 2022, Nature Genetics 54:725-734 (screen of compartment activity).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from cisflow.models.local_stages import StagedEncoder, StoredStages

#: Stretches whose values are kept, of the latest windows.
STRETCHES = 32


class BinEncoder(StagedEncoder, Protocol):
    """See :class:`cisflow.models.orca_encoder.Encoder`."""

    def encode(self, sequence: Tensor) -> Tensor:
        """Encoding [batch, channels, length / bin size]."""


def dilate(marked: np.ndarray, margin: int) -> np.ndarray:
    """Mark also ``margin`` places on either side of every marked one; bool (n,)."""
    total = np.concatenate([[0], np.cumsum(marked, dtype=np.int64)])
    places = np.arange(len(marked))
    low, high = np.maximum(places - margin, 0), np.minimum(places + margin + 1, len(marked))
    return total[high] > total[low]


def runs(marked: np.ndarray, gap: int = 0) -> list[tuple[int, int]]:
    """Runs of marked places, half-open; runs with at most ``gap`` places between them are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    found: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if found and start - found[-1][1] <= gap:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@dataclass
class LocalEncoder:
    """Encodes windows of one length and remembers the latest of them.

    Parameters
    ----------
    encoder : Encoder
        In eval mode.
    kept : int
        Windows remembered; each takes a byte per base and its encoding.

    Attributes
    ----------
    encoded_bins : int
        Bins that were encoded since the object was made, without the margins that are read and cut off.

    Notes
    -----
    A change of few bins in a window that is otherwise a remembered one is computed from stored values of that one, see
    :class:`~cisflow.models.local_stages.StoredStages`.
    """

    encoder: BinEncoder
    kept: int = 4
    encoded_bins: int = 0
    _known: deque[tuple[np.ndarray, Tensor]] = field(default_factory=deque)
    #: By window (number of its object) and stretch (bins).
    _stretches: dict[tuple[int, int, int], StoredStages] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget all windows: what follows does not depend on what came before, to the last bit."""
        self._known.clear()
        self._stretches.clear()

    @torch.inference_mode()
    def encode(self, codes: np.ndarray, remember: bool = True) -> Tensor:
        """Encode a window.

        Parameters
        ----------
        codes : uint8 array, (length,)
            A, C, G, T = 0 to 3, unknown = 4; the length is a multiple of the bin size.
        remember : bool
            Keep the window for those that follow.

        Returns
        -------
        Tensor, [1, channels, length / bin size]
        """
        size, n_bins = self.encoder.bin_size, len(codes) // self.encoder.bin_size
        margin = math.ceil(self.encoder.reach / size)
        missing, encoding = np.ones(n_bins, dtype=bool), None
        differs = []
        for known, found in self._known:
            if len(known) != len(codes) or not missing.any():
                continue
            changed = (known != codes).reshape(n_bins, size).any(axis=1)
            differs.append((known, found, changed))
            taken = missing & ~dilate(changed, margin)
            if taken.any():
                encoding = torch.empty_like(found) if encoding is None else encoding
                place = torch.from_numpy(np.flatnonzero(taken)).to(found.device)
                encoding[..., place] = found[..., place]
                missing &= ~taken
        for start, end in runs(missing, 2 * margin):
            left, right = max(0, start - margin), min(n_bins, end + margin)
            part = self._of_stretch(codes, (left, right), (start, end), margin, differs)
            if part is None:
                part = self._encode(codes[left * size : right * size])[..., start - left : end - left]
            self.encoded_bins += end - start
            if encoding is None:
                encoding = part.new_empty((*part.shape[:-1], n_bins))
            encoding[..., start:end] = part
        if remember:
            self._known.appendleft((codes.copy(), encoding))
            while len(self._known) > self.kept:
                gone = self._known.pop()
                self._stretches = {key: one for key, one in self._stretches.items() if key[0] != id(gone[0])}
        return encoding

    def _of_stretch(
        self,
        codes: np.ndarray,
        read: tuple[int, int],
        wanted: tuple[int, int],
        margin: int,
        differs: list[tuple[np.ndarray, Tensor, np.ndarray]],
    ) -> Tensor | None:
        """Bins ``wanted`` from a remembered window that is another one in a short stretch of ``read`` alone."""
        for known, found, changed in differs:
            inside = np.flatnonzero(changed[read[0] : read[1]])
            first, last = (read[0] + int(inside[0]), read[0] + int(inside[-1]) + 1) if len(inside) else (0, 0)
            short = len(inside) and last - first <= margin and first >= wanted[0] and last <= wanted[1]
            if not short:
                continue
            key = id(known), first, last
            if key not in self._stretches:
                while len(self._stretches) >= STRETCHES:
                    del self._stretches[next(iter(self._stretches))]
                size = self.encoder.bin_size
                self._stretches[key] = StoredStages(self.encoder, known, first * size, last * size)
            stored = self._stretches[key]
            part = found[..., wanted[0] : wanted[1]].clone()
            part[..., stored.bins[0] - wanted[0] : stored.bins[1] - wanted[0]] = stored.encode(codes)
            return part
        return None

    def _encode(self, codes: np.ndarray) -> Tensor:
        device = next(self.encoder.parameters()).device
        batch = torch.from_numpy(np.ascontiguousarray(codes))[None].to(device)
        return self.encoder.encode(batch)
