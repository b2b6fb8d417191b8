"""Predictions of trained expression models.

Inputs: bundles and sequences. Outputs: predicted expression, and the table ``predictions/{dataset}/{model}.parquet``.

>>> from cisflow.models.predict import load_bundle  # doctest: +SKIP
>>> model = load_bundle("results/demo/models/promoters/dream_rnn/seed1")  # doctest: +SKIP
>>> model.predict(["TGCATTTTTTTCACATC" + 80 * "A" + "GGTTACGGCTGTT"])  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cisflow.models.encoding import ENCODINGS, reverse_complement
from cisflow.models.expression_data import read_dataset, reverse_rows, usable_rows
from cisflow.models.kmer_ridge import CHUNK, predict_kmer_ridge
from cisflow.models.network import SequenceNetwork
from cisflow.models.reference.views import PredictionViews
from cisflow.models.target_scale import TargetScale
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.progress import Progress
from cisflow.training.bundle import RECIPE, Bundle, fill_network, read_bundle
from cisflow.training.numerics import reproducible_numerics

BATCH = 1024
#: Rows that go to a shard together: batches of the networks, and of the k-mer regression.
SHARD_BLOCK = math.lcm(BATCH, CHUNK)


class NetworkModel:
    """A trained network.

    Parameters
    ----------
    bundle : Bundle
    device : torch.device or str
    """

    def __init__(self, bundle: Bundle, device: torch.device | str = "cpu"):
        self.recipe, self.device = bundle.recipe, torch.device(device)
        self.encoding = ENCODINGS.make(self.recipe["encoding"])
        self.views = PredictionViews(**self.recipe.get("prediction", {}))
        self.heads = tuple(self.recipe.get("heads", ("expression",)))
        self.scale = TargetScale.recorded(self.recipe)
        self.network = SequenceNetwork(self.recipe["network"], self.encoding.n_channels, self.encoding.length)
        fill_network(self.network, bundle, self.device)

    def predict(
        self, sequences: Sequence[str], progress: Progress | None = None, is_reverse: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict expression; of a network with several heads, the first one's.

        The mean of the given strand and its reverse complement (as marked by the flag), never flagged as singletons;
        the given strand alone when the recipe says ``reverse_complement: false``. With ``prediction.shifts`` it is the
        mean over the shifted sequences as well.

        Parameters
        ----------
        sequences : sequence of str
            In the form that the model was trained on.
        progress : Progress, optional
            Advanced by the number of sequences.
        is_reverse : bool array, (n,), optional
            Elements in reverse orientation, for networks that see this as a flag; none when left out.

        Returns
        -------
        float64 array, (n,)
            NaN for sequences that the encoding is not for (``two_strands``: longer than its width;
            ``between_adapters``: of another length). With ``prediction.flatten`` quantiles from 0 to 1, else on the
            scale of the measurements.
        """
        return self.predict_heads(sequences, progress, is_reverse)[:, 0]

    def predict_heads(
        self, sequences: Sequence[str], progress: Progress | None = None, is_reverse: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict every head of the network: see :meth:`predict`, float64 (n, heads) in the order of ``heads``."""
        sequences = list(sequences)
        reverse = np.zeros(len(sequences)) if is_reverse is None else np.asarray(is_reverse, np.float64)
        predictions = np.full((len(sequences), len(self.heads)), np.nan)
        # Batches are rows of the table: those of a shard are the ones that a single job has (see `shard_rows`).
        for first in range(0, len(sequences), BATCH):
            batch = sequences[first : first + BATCH]
            usable = usable_rows(self.encoding, batch)
            rows = first + np.flatnonzero(usable)
            if len(rows):
                codes = self.encoding.codes([sequences[row] for row in rows])
                predictions[rows] = self._predict_batch(codes, reverse[rows])
            if progress is not None:
                progress.advance(len(batch))
        return predictions

    def _predict_batch(self, codes: np.ndarray, reverse: np.ndarray) -> np.ndarray:
        strands = 2 if self.recipe.get("reverse_complement", True) else 1
        result = np.zeros((len(codes), len(self.heads)))
        for view in self.views.codes(codes):
            result += self._forward(view, reverse)
            if strands == 2:
                result += self._forward(reverse_complement(view), 1 - reverse)
        result /= strands * len(self.views.shifts)
        return self.views.quantiles(result) if self.views.flatten is not None else self.scale.expression(result)

    def _forward(self, codes: np.ndarray, is_reverse: np.ndarray) -> np.ndarray:
        flags = torch.from_numpy(is_reverse.astype(np.float32)).to(self.device)
        batch = torch.from_numpy(np.ascontiguousarray(codes)).to(self.device)
        with torch.inference_mode():
            x = self.encoding.tensor(batch, flags, torch.zeros_like(flags))
            output = self.network(x)
            values = output.expression[:, None] if output.heads is None else output.heads
            return values.double().cpu().numpy()


class KmerRidgeModel:
    """A fitted k-mer ridge regression.

    Parameters
    ----------
    bundle : Bundle
    device : torch.device or str
        Taken for the sake of one interface; the regression runs on the CPU.
    """

    def __init__(self, bundle: Bundle, device: torch.device | str = "cpu"):
        self.recipe, self.weights = bundle.recipe, bundle.weights
        self.heads = tuple(self.recipe.get("heads", ("expression",)))

    def predict(
        self, sequences: Sequence[str], progress: Progress | None = None, is_reverse: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict expression, float64 (n,); of a regression with several heads, the first one's."""
        return self.predict_heads(sequences, progress, is_reverse)[:, 0]

    def predict_heads(
        self, sequences: Sequence[str], progress: Progress | None = None, is_reverse: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict every head, float64 (n, heads) in the order of ``heads``; the orientation makes no difference."""
        result = predict_kmer_ridge(self.recipe, self.weights, sequences)
        if progress is not None:
            progress.advance(len(result))
        return result.reshape(len(result), len(self.heads))


MODELS = {"network": NetworkModel, "kmer_ridge": KmerRidgeModel}


def load_bundle(folder: str | Path, device: torch.device | str = "cpu") -> NetworkModel | KmerRidgeModel:
    """Load a trained expression model.

    Parameters
    ----------
    folder : path
        A bundle.
    device : torch.device or str

    Raises
    ------
    InputError
        When the folder is not the bundle of an expression model.
    """
    bundle = read_bundle(folder)
    kind, where = bundle.recipe.get("model"), str(Path(folder) / RECIPE)
    if (task := bundle.recipe.get("task")) != "expression":
        raise InputError(Problem(where, f"no expression model: {task!r}; expected 'expression'", column="task"))
    if kind not in MODELS:
        raise InputError(Problem(where, f"no expression model: model {not_one_of(kind, MODELS)}", column="model"))
    return MODELS[kind](bundle, device)


def shard_rows(rows: int, shard: int, shards: int) -> slice:
    """Consecutive rows of a table that a shard predicts: whole batches, so that no number depends on the shards.

    Parameters
    ----------
    rows : int
        Of the table.
    shard, shards : int
        Number of the shard from 0, and how many there are; the later ones may be empty.
    """
    blocks = -(-rows // SHARD_BLOCK)
    first, end = (part * blocks // shards * SHARD_BLOCK for part in (shard, shard + 1))
    return slice(min(first, rows), min(end, rows))


def predict_dataset(
    bundles: Mapping[int, str | Path],
    dataset: str | Path,
    label: str,
    device: torch.device | str,
    threads: int,
    shard: tuple[int, int] = (0, 1),
) -> pd.DataFrame:
    """Predict every row of a dataset with every replicate of a model.

    Parameters
    ----------
    bundles : mapping of int to path
        Bundle of each replicate.
    dataset : path
        ``datasets/{dataset}.parquet``.
    label : str
        Name in progress lines.
    device : torch.device or str
    threads : int
        Torch threads.
    shard : (int, int)
        See :func:`shard_rows`.

    Returns
    -------
    DataFrame
        ``element``, ``pos``, ``split``, ``prediction`` (mean over replicates), one column ``seed<k>`` per replicate;
        of networks with several heads also ``prediction.<head>`` for all but the first.
    """
    table = read_dataset(dataset)
    table = table[shard_rows(len(table), *shard)].reset_index(drop=True)
    sequences = table["sequence"].tolist()
    columns: dict[str, np.ndarray] = {}
    others: dict[str, list[np.ndarray]] = {}
    with reproducible_numerics(threads):
        progress = Progress(f"predict {label}", len(bundles) * len(sequences), "sequences")
        for replicate, folder in sorted(bundles.items()):
            model = load_bundle(folder, device)
            found = model.predict_heads(sequences, progress, reverse_rows(table))
            columns[f"seed{replicate}"] = found[:, 0]
            for i, head in enumerate(model.heads[1:], start=1):
                others.setdefault(f"prediction.{head}", []).append(found[:, i])
        progress.write()
    prediction = np.mean(list(columns.values()), axis=0)
    means = {name: np.mean(values, axis=0) for name, values in others.items()}
    return table[["element", "pos", "split"]].assign(prediction=prediction, **columns, **means)
