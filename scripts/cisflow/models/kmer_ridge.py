"""Ridge regression on k-mer counts: the baseline that a network has to beat.

Inputs: training and validation rows. Outputs: one coefficient per k-mer (or per pair of reverse complements) and an
intercept, for every head; the penalty with the best validation Pearson r (mean over the heads) is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow.models.encoding import N_CODE, PadEncoding
from cisflow.models.expression_data import measured, rows_of
from cisflow.models.metrics import agreement, heads_agreement
from cisflow.problems import InputError, Problem

CHUNK = 4096  # rows whose counts are held at once


def kmer_features(k: int, pool_strands: bool) -> np.ndarray:
    """Feature number of every k-mer.

    Parameters
    ----------
    k : int
    pool_strands : bool
        Give a k-mer and its reverse complement the same number.

    Returns
    -------
    int64 array, (4 ** k,)
        Indexed by the k-mer as a number in base 4 (A 0, G 1, C 2, T 3; first base most significant).
    """
    index = np.arange(4**k)
    if not pool_strands:
        return index
    complement, rest = np.zeros_like(index), index.copy()
    for _ in range(k):
        complement = complement * 4 + 3 - rest % 4
        rest //= 4
    return np.unique(np.minimum(index, complement), return_inverse=True)[1]


def kmer_counts(codes: np.ndarray, k: int, features: np.ndarray) -> np.ndarray:
    """Count k-mers without N.

    Parameters
    ----------
    codes : uint8 array, (n, length)
        See :mod:`cisflow.models.encoding`.
    k : int
    features : int64 array
        From :func:`kmer_features`.

    Returns
    -------
    float64 array, (n, number of features)
    """
    n, n_windows = len(codes), codes.shape[1] - k + 1
    n_features = int(features.max()) + 1
    if n_windows < 1:
        return np.zeros((n, n_features))
    index = np.zeros((n, n_windows), dtype=np.int64)
    whole = np.ones((n, n_windows), dtype=bool)
    for i in range(k):
        window = codes[:, i : i + n_windows]
        index = index * 4 + np.minimum(window, 3)
        whole &= window != N_CODE
    flat = np.arange(n)[:, None] * n_features + features[index]
    return np.bincount(flat[whole], minlength=n * n_features).reshape(n, n_features).astype(np.float64)


def _count_chunks(sequences: Sequence[str], k: int, features: np.ndarray, where: str) -> Iterator[torch.Tensor]:
    for first in range(0, len(sequences), CHUNK):
        part = list(sequences[first : first + CHUNK])
        codes = PadEncoding(max(map(len, part)), flags=()).codes(part, where)
        yield torch.from_numpy(kmer_counts(codes, k, features))


def fit_kmer_ridge(
    recipe: Mapping[str, Any], table: pd.DataFrame, where: str = "dataset"
) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
    """Fit the regression for every penalty and keep the best.

    Parameters
    ----------
    recipe : mapping
        Keys ``k``, ``pool_strands`` and ``alphas`` (penalties on the squared coefficients); optional ``heads``, columns
        that are fitted side by side.
    table : DataFrame
        A dataset, see :func:`cisflow.models.expression_data.read_dataset`.
    where : str
        File of the dataset for messages.

    Returns
    -------
    weights : dict of Tensor
        ``coefficients`` (features,) and ``intercept`` (), float64; with heads (features, heads) and (heads,).
    history : DataFrame
        One row per penalty: ``alpha``, ``training_loss`` (mean squared error, summed over the heads) and the validation
        metrics.
    """
    heads = recipe.get("heads")
    k, alphas = int(recipe["k"]), sorted(map(float, recipe["alphas"]))
    features = kmer_features(k, bool(recipe["pool_strands"]))
    train, validation = rows_of(table, "train", where), rows_of(table, "validation", where)
    y = torch.from_numpy(measured(train, heads, where).reshape(len(train), -1).copy())
    size = int(features.max()) + 1
    moment, total = torch.zeros(size, size).double(), torch.zeros(size).double()
    cross = torch.zeros(size, y.shape[1]).double()
    centred = y - y.mean(dim=0)
    done = 0
    for counts in _count_chunks(train["sequence"].tolist(), k, features, where):
        moment += counts.T @ counts
        cross += counts.T @ centred[done : done + len(counts)]
        total += counts.sum(dim=0)
        done += len(counts)
    mean = total / done
    covariance = moment - done * torch.outer(mean, mean)
    values, vectors = torch.linalg.eigh(covariance)
    penalties = torch.tensor(alphas, dtype=torch.float64)
    projected = vectors.T @ cross
    shrunk = projected[:, :, None] / (values.clamp(min=0)[:, None, None] + penalties)
    coefficients = (vectors @ shrunk.reshape(size, -1)).reshape(shrunk.shape)  # features, heads, penalties
    intercepts = y.mean(dim=0)[:, None] - torch.einsum("f,fhp->hp", mean, coefficients)
    residual = centred.square().sum() - 2 * torch.einsum("fh,fhp->p", cross, coefficients)
    explained = (covariance @ coefficients.reshape(size, -1)).reshape(coefficients.shape)
    residual += (coefficients * explained).sum(dim=(0, 1))
    chunks = _count_chunks(validation["sequence"].tolist(), k, features, where)
    parts = [torch.einsum("nf,fhp->nhp", counts, coefficients) + intercepts for counts in chunks]
    predictions, wanted = torch.cat(parts).numpy(), measured(validation, heads, where)

    def metrics(i: int) -> dict[str, float]:
        if heads:
            return heads_agreement(predictions[:, :, i], wanted, heads)
        return agreement(predictions[:, 0, i], wanted)

    history = pd.DataFrame(
        {"alpha": alpha, "training_loss": float(residual[i]) / done, **metrics(i)} for i, alpha in enumerate(alphas)
    )
    selection = history["selection"].fillna(-math.inf)
    best = int(selection.argmax())
    if not math.isfinite(selection[best]):
        raise InputError(Problem(where, "validation expression or its prediction is constant", column="expression"))
    own = slice(None) if heads else 0
    return {
        "coefficients": coefficients[:, own, best].clone(),
        "intercept": intercepts[own, best].clone(),
    }, history


def predict_kmer_ridge(
    recipe: Mapping[str, Any], weights: Mapping[str, torch.Tensor], sequences: Sequence[str]
) -> np.ndarray:
    """Predicted expression, float64 (n,); with heads (n, heads)."""
    features = kmer_features(int(recipe["k"]), bool(recipe["pool_strands"]))
    chunks = _count_chunks(list(sequences), int(recipe["k"]), features, "sequences")
    parts = [counts @ weights["coefficients"] + weights["intercept"] for counts in chunks]
    return torch.cat(parts).numpy() if parts else np.empty((0, *weights["intercept"].shape))
