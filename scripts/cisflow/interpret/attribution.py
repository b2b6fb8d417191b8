"""Attributions from gradients: a second opinion on in-silico mutagenesis, with a check that it adds up.

Inputs: trained networks and sequences. Outputs: what each base adds to the prediction, and how much of the prediction
the attributions leave unexplained. Source of the methods: integrated gradients, Sundararajan et al. 2017 (with their
completeness axiom); gradient x input, Shrikumar et al. 2016. Both are taken against the mean of the four bases, so
that the attribution of a base is the gradient there minus its mean over the four bases (Majdandzic et al. 2023). For a
linear model they are -3/4 of the position scores of the mutagenesis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
import torch

from cisflow.models.encoding import N_CODE, reverse_complement
from cisflow.models.predict import NetworkModel
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress

#: Sequences whose gradients are computed at once.
BATCH = 256
METHODS = ("gradient_x_input", "integrated_gradients")
#: Columns of the table of attributions.
ATTRIBUTIONS = {"model": pl.String, "id": pl.String, "position": pl.Int32, **dict.fromkeys(METHODS, pl.Float64)}
#: Columns of the table of the check.
CHECKS = {
    "model": pl.String,
    "id": pl.String,
    "prediction": pl.Float64,
    "baseline": pl.Float64,
    "attributed": pl.Float64,
    "delta": pl.Float64,
}


def tensor_sources(encoding: Any, width: int) -> np.ndarray:
    """Code that each column of the network input is made from.

    Columns are told apart by encoding their numbers bit by bit: A for 0, G for 1.

    Parameters
    ----------
    encoding : encoding
    width : int
        Codes of a sequence.

    Returns
    -------
    int64 array, (length of the network input,)
        -1 for columns that no code changes.
    """
    bits = (width + 1).bit_length()
    number = np.arange(1, width + 1)
    probes = np.concatenate([np.zeros((1, width)), (number >> np.arange(bits)[:, None]) & 1]).astype(np.uint8)
    flags = torch.zeros(len(probes))
    x = encoding.tensor(torch.from_numpy(probes), flags, flags)
    set_bits = (x[1:] != x[:1]).any(dim=1).numpy()
    return (set_bits * (1 << np.arange(bits))[:, None]).sum(axis=0) - 1


@contextmanager
def _differentiable(network: torch.nn.Module) -> Iterator[None]:
    """Gradients of recurrent layers in evaluation mode: cuDNN has none, torch's own kernels do."""
    recurrent = any(isinstance(layer, torch.nn.RNNBase) for layer in network.modules())
    wanted = [parameter.requires_grad for parameter in network.parameters()]
    network.requires_grad_(False)
    with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not recurrent):
        yield
    for parameter, before in zip(network.parameters(), wanted, strict=True):
        parameter.requires_grad_(before)


def _value_and_gradient(network: torch.nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions (batch,) and their gradients (batch, channels, length), float64; zero where there is no path."""
    x = x.detach().requires_grad_()
    output = network(x)
    value = output.expression if output.heads is None else output.heads[:, 0]
    gradient = torch.autograd.grad(value.sum(), x, allow_unused=True)[0] if value.requires_grad else None
    return value.detach().double(), torch.zeros_like(x).double() if gradient is None else gradient.double()


def _moved(positions: np.ndarray, shift: int) -> np.ndarray:
    """Positions of shifted codes; what comes in from the flanks shows no base of the sequence."""
    moved = np.full_like(positions, -1)
    if shift >= 0:
        moved[:, shift:] = positions[:, : positions.shape[1] - shift]
    else:
        moved[:, :shift] = positions[:, -shift:]
    return moved


def _views(model: NetworkModel, sequences: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Codes of everything that a prediction is the mean of, the base that each code shows, and the strand."""
    codes, positions = model.encoding.codes(sequences), model.encoding.positions(sequences)
    for shift, view in zip(model.views.shifts, model.views.codes(codes), strict=True):
        shown = np.where(view == N_CODE, -1, _moved(positions, shift))
        yield view, shown, 0.0
        if model.recipe.get("reverse_complement", True):
            yield reverse_complement(view), shown[:, ::-1], 1.0


def _tensor(model: NetworkModel, codes: np.ndarray, strand: float) -> torch.Tensor:
    """Network input of codes on one strand, never flagged as singletons."""
    flags = torch.full((len(codes),), strand, device=model.device)
    on_device = torch.from_numpy(np.ascontiguousarray(codes)).to(model.device)
    return model.encoding.tensor(on_device, flags, torch.zeros_like(flags))


def _attribute_batch(
    model: NetworkModel, sequences: list[str], nodes: np.ndarray, weights: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Attributions (n, longest sequence) by method; predictions of the sequences and of the baselines (n,)."""
    rows = np.arange(len(sequences))[:, None]
    found = {method: np.zeros((len(sequences), max(map(len, sequences)) + 1)) for method in METHODS}
    value, reference = np.zeros(len(sequences)), np.zeros(len(sequences))
    n_views = 0
    for codes, shown, strand in _views(model, sequences):
        n_views += 1
        x = _tensor(model, codes, strand)
        fills = (np.where(shown >= 0, base, codes).astype(np.uint8) for base in range(4))
        baseline = sum(_tensor(model, filled, strand) for filled in fills) / 4
        change = (x - baseline).double()
        with _differentiable(model.network):
            prediction, last = _value_and_gradient(model.network, x)
            mean = torch.zeros_like(last)
            for node, weight in zip(nodes, weights, strict=True):
                mean += weight * _value_and_gradient(model.network, baseline + node * (x - baseline))[1]
            value += prediction.cpu().numpy()
            reference += _value_and_gradient(model.network, baseline)[0].cpu().numpy()
        source = tensor_sources(model.encoding, codes.shape[1])
        column = np.where(source >= 0, shown[:, source], -1)  # -1 adds to a last column that is cut off
        for method, gradient in zip(METHODS, (last, mean), strict=True):
            np.add.at(found[method], (rows, column), (change * gradient).sum(dim=1).cpu().numpy())
    scale = model.scale.sd / n_views
    found = {method: values[:, :-1] * scale for method, values in found.items()}
    return found, model.scale.expression(value / n_views), model.scale.expression(reference / n_views)


def _table(model: str, sequences: Mapping[str, str], values: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """One row per base, from arrays with one row per sequence."""
    lengths = [len(text) for text in sequences.values()]
    inside = np.arange(max(lengths)) < np.array(lengths)[:, None]
    return pl.DataFrame(
        {
            "model": [model] * int(inside.sum()),
            "id": np.repeat(list(sequences), lengths),
            "position": np.concatenate([np.arange(length) for length in lengths]),
            **{method: values[method][inside] for method in METHODS},
        },
        schema=ATTRIBUTIONS,
    )


def attribute(
    models: Mapping[str, Sequence[Any]], sequences: Mapping[str, str], steps: int = 50
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Gradient x input and integrated gradients of every base, and the check of completeness.

    The path of the integration leads from the mean of the four bases at every position of the sequence to the sequence;
    bases of the plasmid around it, flags and N stay as they are. The integral is taken by Gauss-Legendre quadrature.
    Networks whose prediction is flattened to quantiles are attributed before that.

    Parameters
    ----------
    models : mapping of list by name
        Replicates of each model, whose mean is taken. Models that are no networks are left out.
    sequences : mapping of str by id
    steps : int
        Points on the path.

    Returns
    -------
    attributions : polars.DataFrame
        ``model``, ``id``, ``position`` (0-based), ``gradient_x_input``, ``integrated_gradients``: what the base adds,
        on the scale of the predictions; 0 for bases that the model does not see.
    checks : polars.DataFrame
        Columns of :data:`CHECKS`: predictions of sequence and baseline, the sum of the integrated gradients, and
        ``delta`` = that sum minus the difference of the predictions; 0 when the integral is exact.

    Raises
    ------
    InputError
        When an encoding does not tell which base stands where (``positions``).
    """
    networks = {
        name: [model for model in replicates if isinstance(model, NetworkModel)] for name, replicates in models.items()
    }
    networks = {name: replicates for name, replicates in networks.items() if replicates}
    unknown = [name for name, found in networks.items() if not all(hasattr(m.encoding, "positions") for m in found)]
    if unknown:
        raise InputError(
            [
                Problem(name, "the encoding has no `positions`, which attributions need; expected as in extending.md")
                for name in unknown
            ]
        )
    roots, root_weights = np.polynomial.legendre.leggauss(steps)
    nodes, weights = (roots + 1) / 2, root_weights / 2
    progress = Progress("attribution", len(networks) * len(sequences), "sequences")
    tables, checks = [pl.DataFrame(schema=ATTRIBUTIONS)], [pl.DataFrame(schema=CHECKS)]
    for name, replicates in networks.items():
        for first in range(0, len(sequences), BATCH):
            texts = dict(list(sequences.items())[first : first + BATCH])
            found = [_attribute_batch(model, list(texts.values()), nodes, weights) for model in replicates]
            values = {method: np.mean([parts[method] for parts, _, _ in found], axis=0) for method in METHODS}
            prediction, baseline = (np.mean([one[i] for one in found], axis=0) for i in (1, 2))
            attributed = values["integrated_gradients"].sum(axis=1)
            check = {"prediction": prediction, "baseline": baseline, "attributed": attributed}
            check["delta"] = attributed - (prediction - baseline)
            tables.append(_table(name, texts, values))
            checks.append(pl.DataFrame({"model": [name] * len(texts), "id": list(texts), **check}, schema=CHECKS))
            progress.advance(len(texts))
    progress.write()
    return pl.concat(tables), pl.concat(checks)
