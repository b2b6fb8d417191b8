"""How the simulated promoters set their expression: the truth that models have to learn.

Purpose: true mean expression of a sequence from the factors that its sites bind.
Inputs: amplicons as codes (:mod:`cisflow.simulate.bases`). Outputs: mean log expression, in bins.

1. A site is bound with probability 1 / (1 + exp(threshold - score)), score = sum of the weights of its bases.
2. What a factor does is 1 - exp(-sum over sites of bound x strand x distance x helical phase): it saturates.
3. Openers, AT content and the sites of activators make the drive; an activator counts more on an open promoter, and
   repressors weaken activators and shut the promoter.
4. The response flattens at both ends of the drive; random promoters have mean :data:`MEAN` and standard deviation
   :data:`SPREAD`.
"""

from __future__ import annotations

import functools

import numpy as np

from cisflow.randomness import generator
from cisflow.simulate.bases import PADDING, random_bases, with_flanks
from cisflow.simulate.motifs import MOTIFS, Motif

#: Mean and standard deviation of true expression over random promoters, in bins. With 1.5 bins of noise between cells
#: the standard deviation of all cells is 4, so that 18 gates of a quarter of it are one unit wide.
MEAN, SPREAD = 8.5, 3.7
#: Bases per turn of the double helix, and how much an action depends on the side that a site faces.
HELIX_TURN, HELIX_SHARE = 10.5, 0.2
#: Share of an activator's action that needs an open promoter, and share that full repression takes away.
NEEDS_OPENING, QUENCHING = 0.7, 0.6
#: Opening at which half of the promoters are open.
HALF_OPEN = 1.4
#: Standard deviations of the drive within which the response is about linear.
LINEAR_RANGE = 3.0
#: Effect of the share of A and T, from 0 to 1.
AT_EFFECT = 1.0
#: Score of a base beside the sequence: no site hangs over an end.
OUTSIDE = -1000.0
#: The amplicon that the scale is made on.
REFERENCE_FLANKS = ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT")
REFERENCE_LENGTH, REFERENCE_PROMOTERS = 80, 10_000
BLOCK = 1000


def _kernels(motifs: tuple[Motif, ...]) -> np.ndarray:
    """Weights of both strands of every motif; float32, (window, 5 letters, 2 strands x motifs)."""
    window = max(len(motif.consensus) for motif in motifs)
    kernels = np.zeros((window, PADDING + 1, 2, len(motifs)), dtype=np.float32)
    for i, motif in enumerate(motifs):
        length = len(motif.consensus)
        for strand, weights in enumerate((motif.weights, motif.weights[::-1, ::-1])):
            kernels[:length, :PADDING, strand, i] = weights
            kernels[:length, PADDING, strand, i] = OUTSIDE
    return kernels.reshape(window, PADDING + 1, -1)


def _site_actions(motifs: tuple[Motif, ...], width: int) -> np.ndarray:
    """Action of a bound site by its first column; float32, (width, 2 strands x motifs)."""
    actions = np.zeros((width, 2, len(motifs)))
    for i, motif in enumerate(motifs):
        distance = width - (np.arange(width) + len(motif.consensus) / 2)
        reach = np.exp(-0.5 * ((distance - motif.centre) / motif.width) ** 2)
        phase = 1 + HELIX_SHARE * np.cos(2 * np.pi * (distance - motif.centre) / HELIX_TURN)
        actions[:, :, i] = (reach * phase)[:, None] * [1, motif.other_strand]
    return actions.reshape(width, -1).astype(np.float32)


def binding(amplicons: np.ndarray, motifs: tuple[Motif, ...] = MOTIFS) -> np.ndarray:
    """Action of every factor on every promoter.

    Parameters
    ----------
    amplicons : uint8 array, (n, width)
        Codes with the 3' ends in the last column.
    motifs : tuple of Motif

    Returns
    -------
    float64 array, (n, motifs)
        From 0 (no site) to 1 (saturated).
    """
    n, width = amplicons.shape
    kernels, actions = _kernels(motifs), _site_actions(motifs, width)
    window, letters, n_kernels = kernels.shape
    thresholds = np.tile([m.weights.max(axis=1).sum() - m.slack for m in motifs], 2).astype(np.float32)
    total = np.empty((n, len(motifs)))
    eye = np.eye(letters, dtype=np.float32)
    for first in range(0, n, BLOCK):
        block = amplicons[first : first + BLOCK]
        padded = np.pad(block, ((0, 0), (0, window - 1)), constant_values=PADDING)
        one_hot = eye[padded]
        windows = np.lib.stride_tricks.sliding_window_view(one_hot, window, axis=1)  # (n, width, letters, window)
        scores = windows.reshape(-1, letters * window) @ kernels.transpose(1, 0, 2).reshape(-1, n_kernels)
        bound = 1 / (1 + np.exp(np.minimum(thresholds - scores, 60)))
        sums = np.einsum("npk,pk->nk", bound.reshape(len(block), width, n_kernels), actions, dtype=np.float64)
        total[first : first + BLOCK] = sums.reshape(len(block), 2, -1).sum(axis=1)
    return 1 - np.exp(-total)


def _drive(amplicons: np.ndarray, motifs: tuple[Motif, ...]) -> np.ndarray:
    """Drive before it is scaled; float64, (n,)."""
    acting = binding(amplicons, motifs)
    by_role = {
        role: sum(m.effect * acting[:, i] for i, m in enumerate(motifs) if m.role == role)
        for role in ("opener", "activator", "repressor")
    }
    inside = (amplicons != PADDING).sum(axis=1)
    at_share = ((amplicons == 0) | (amplicons == 3)).sum(axis=1) / inside
    opening = by_role["opener"] + AT_EFFECT * at_share
    is_open = 1 / (1 + np.exp(-2 * (opening - HALF_OPEN)))
    full_repression = sum(m.effect for m in motifs if m.role == "repressor")
    repression = by_role["repressor"] / full_repression
    activation = by_role["activator"] * (1 - NEEDS_OPENING + NEEDS_OPENING * is_open) * (1 - QUENCHING * repression)
    return opening + activation - by_role["repressor"]


def _squash(drive: np.ndarray, mean: float, spread: float) -> np.ndarray:
    """Response to the drive: linear near the mean, bounded at both ends."""
    return np.tanh((drive - mean) / (spread * LINEAR_RANGE))


@functools.cache
def _scale(motifs: tuple[Motif, ...]) -> tuple[float, float, float, float]:
    """Mean and standard deviation of drive and of response over random promoters."""
    rng = generator(0, "scale of the expression law")
    promoters = with_flanks(random_bases(rng, REFERENCE_PROMOTERS, REFERENCE_LENGTH), *REFERENCE_FLANKS)
    drive = _drive(promoters, motifs)
    mean, spread = float(drive.mean()), float(drive.std())
    response = _squash(drive, mean, spread)
    return mean, spread, float(response.mean()), float(response.std())


def true_expression(amplicons: np.ndarray, motifs: tuple[Motif, ...] = MOTIFS) -> np.ndarray:
    """True mean log expression of promoters.

    Parameters
    ----------
    amplicons : uint8 array, (n, width)
        Codes with the 3' ends in the last column.
    motifs : tuple of Motif

    Returns
    -------
    float64 array, (n,)
        Random promoters of 80 bp between the published flanks have mean 8.5 and standard deviation 3.7.
    """
    mean, spread, response_mean, response_spread = _scale(motifs)
    response = _squash(_drive(amplicons, motifs), mean, spread)
    return MEAN + SPREAD * (response - response_mean) / response_spread
