"""Bases embedded by the word around them: GloVe vectors of k-mers, fitted to the training sequences.

Source of the method: Pennington et al. 2014; the fifth entry of the 2022 challenge (NAD; Rafi et al. 2024) represents
each base by its 5-base word with 128 numbers. Inputs: uint8 codes of the training sequences; tensors (batch, channels,
length). Outputs: vectors of all words, and tensors (batch, vector width, length).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from cisflow.models.blocks import FIRST_BLOCKS
from cisflow.models.encoding import N_CODE
from cisflow.randomness import generator

CHUNK = 1 << 16  # sequences per block of work
COUNT_AT_FULL_WEIGHT, WEIGHT_POWER = 100.0, 0.75  # Pennington et al. 2014
LEARNING_RATE = 0.1  # published: 0.05 for one pair at a time; all pairs at once settle sooner with this


def words(codes: np.ndarray, k: int) -> np.ndarray:
    """Number of the word that starts at each position, int64 (n, length - k + 1); -1 where it has an N."""
    windows = np.lib.stride_tricks.sliding_window_view(codes, k, axis=1)
    numbers = windows @ (4 ** np.arange(k - 1, -1, -1, dtype=np.int64))
    numbers[(windows == N_CODE).any(axis=2)] = -1
    return numbers


def cooccurrence(codes: np.ndarray, k: int, window: int) -> np.ndarray:
    """How often two words stand near each other, a pair at distance d counting 1 / d.

    Parameters
    ----------
    codes : uint8 array, (n, length)
    k : int
        Bases of a word.
    window : int
        Largest distance between the starts of two words.

    Returns
    -------
    float64 array, (4**k, 4**k)
        Symmetric; codes are 0 A, 1 G, 2 C, 3 T, the first base is the most significant digit.
    """
    n = 4**k
    counts = np.zeros(n * n)
    for first in range(0, len(codes), CHUNK):
        numbers = words(codes[first : first + CHUNK], k)
        for distance in range(1, min(window, numbers.shape[1] - 1) + 1):
            left, right = numbers[:, :-distance], numbers[:, distance:]
            whole = (left >= 0) & (right >= 0)
            counts += np.bincount(left[whole] * n + right[whole], minlength=n * n) / distance
    counts = counts.reshape(n, n)
    return counts + counts.T


def glove_vectors(counts: np.ndarray, width: int, iterations: int, seed: int) -> np.ndarray:
    """Vectors whose products give the logarithms of co-occurrence.

    Minimises ``sum f(X) (w c' + b + d - log X)**2`` over pairs with a count X, with f(X) = min(X / 100, 1) ** 0.75, by
    AdaGrad on all pairs at once (the published program takes them one by one in random order).

    Parameters
    ----------
    counts : float array, (n, n)
        See :func:`cooccurrence`.
    width : int
    iterations : int
    seed : int

    Returns
    -------
    float32 array, (n, width)
        Word plus context vector.
    """
    words_side, contexts_side = _fit(counts, width, iterations, seed)
    return words_side[:, :width] + contexts_side[:, :width]


def _fit(counts: np.ndarray, width: int, iterations: int, seed: int) -> list[np.ndarray]:
    """Vectors of words and of contexts, each float32 (n, width + 1) with the bias in the last column."""
    draws = generator(seed, "glove")
    n = len(counts)
    seen = counts > 0
    logs = np.log(np.where(seen, counts, 1)).astype(np.float32)
    weight = np.where(seen, np.minimum(counts / COUNT_AT_FULL_WEIGHT, 1) ** WEIGHT_POWER, 0).astype(np.float32)
    sides = [((draws.random((n, width + 1)) - 0.5) / width).astype(np.float32) for _ in range(2)]
    squares = [np.ones_like(side) for side in sides]
    for _ in range(iterations):
        (w, b), (c, d) = ((side[:, :width], side[:, width]) for side in sides)
        error = weight * (w @ c.T + b[:, None] + d - logs)
        gradients = (
            np.column_stack([error @ c, error.sum(axis=1)]),
            np.column_stack([error.T @ w, error.sum(axis=0)]),
        )
        for side, square, gradient in zip(sides, squares, gradients, strict=True):
            square += gradient**2
            side -= LEARNING_RATE * gradient / np.sqrt(square)
    return sides


@FIRST_BLOCKS.register("glove_first")
class GloveFirst(nn.Module):
    """The vector of the word around each base; other channels are handed on.

    The vectors are fitted once, to the training sequences as they are encoded, and then fixed; they are part of the
    weights. Words that reach beyond the ends or hold an N have the vector zero.

    Parameters
    ----------
    in_channels, in_length : int
    width : int
        Numbers per word.
    k : int
        Bases of a word, odd, so that the base stands in its middle.
    window : int
        Largest distance of two words that are counted as neighbours.
    iterations : int
        Of the fit.
    """

    def __init__(
        self, in_channels: int, in_length: int, width: int = 128, k: int = 5, window: int = 10, iterations: int = 500
    ):
        super().__init__()
        if k % 2 == 0 or not 1 <= k <= 7:
            raise ValueError(f"k {k}: expected 1, 3, 5 or 7")
        self.width, self.k, self.window, self.iterations = width, k, window, iterations
        self.out_channels, self.out_length = width + in_channels - 4, in_length
        self.register_buffer("vectors", torch.zeros(4**k + 1, width))  # the last row is for words with N

    def fit(self, codes: np.ndarray, seed: int) -> None:
        """Compute the vectors from training sequences.

        Parameters
        ----------
        codes : uint8 array, (n, in_length)
            Given strand.
        seed : int
        """
        counts = cooccurrence(codes, self.k, self.window)
        self.vectors[:-1] = torch.from_numpy(glove_vectors(counts, self.width, self.iterations, seed))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, width + flags, length)."""
        bases = x[:, :4]
        known = bases.sum(dim=1) > 0
        half = self.k // 2
        digits = nn.functional.pad(bases.argmax(dim=1), (half, half))
        known = nn.functional.pad(known, (half, half))
        place = 4 ** torch.arange(self.k - 1, -1, -1, device=x.device)
        numbers = (digits.unfold(1, self.k, 1) * place).sum(dim=2)
        numbers = numbers.where(known.unfold(1, self.k, 1).all(dim=2), torch.full_like(numbers, 4**self.k))
        return torch.cat([self.vectors[numbers].transpose(1, 2).to(x.dtype), x[:, 4:]], dim=1)
