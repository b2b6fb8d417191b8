"""Bundles as predictors of the Genomic API for Model Evaluation.

Inputs: bundles, and what of them is told. Outputs: objects with an offer that answer checked requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cisflow.interpret.mutagenesis import Predictor, mean_prediction
from cisflow.problems import InputError, Problem
from cisflow.serve.requests import IMPOSSIBLE, Offer, Refusal, Request

if TYPE_CHECKING:
    from cisflow.models.contact_predict import ContactModel
    from cisflow.variants.contact_views import ExpectedContacts

#: Types that a model of reporter expression answers.
EXPRESSION_TYPES = ("expression", "expression_mRNA", "expression_pol1", "expression_pol2", "expression_pol3")


class Served(Protocol):
    """What the server needs of a model."""

    offer: Offer

    def predict(self, request: Request) -> dict[str, Any]:
        """Predictions by id, in the order of the request: numbers, or square arrays."""


def fit_window(request: Request, name: str, window: int) -> str:
    """Bases of a request cut or filled to a window.

    With flanks, what is missing is taken from them (half, rounded down, from the end of the upstream one, the rest from
    the start of the downstream one). What then is too short gets N in front. What is too long is cut around the middle
    of the range, or of the whole.

    Parameters
    ----------
    request : Request
    name : str
        Id of the sequence.
    window : int
        Bases.
    """
    text, span = request.sequences[name], request.ranges.get(name)
    missing = window - len(text)
    if missing > 0:
        before = min(missing // 2, len(request.upstream))
        text = request.upstream[len(request.upstream) - before :] + text + request.downstream[: missing - missing // 2]
        return text.rjust(window, "N")
    if span is None:
        start = (len(text) - window) // 2
    else:
        text = request.upstream + text + request.downstream
        start = min(max(0, (span[0] + span[1] + 1 - window) // 2), len(text) - window)
    return text[start : start + window]


class ExpressionPredictor:
    """Expression models: one number per sequence.

    Parameters
    ----------
    replicates : sequence of Predictor
        Their mean is served.
    offer : Offer
    window : int, optional
        Bases that the models are shown between the ends, see :func:`fit_window`. Without it they are shown upstream
        flank, sequence and downstream flank as they are, or of it the range where one is given.
    left, right : str
        Constant ends around what the models are shown, e.g. adapters.
    """

    def __init__(
        self, replicates: Sequence[Predictor], offer: Offer, window: int | None = None, left: str = "", right: str = ""
    ):
        self.replicates, self.offer, self.window, self.left, self.right = replicates, offer, window, left, right

    def _shown(self, request: Request, name: str) -> str:
        if self.window is not None:
            return self.left + fit_window(request, name, self.window) + self.right
        text = request.upstream + request.sequences[name] + request.downstream
        start, end = request.ranges.get(name, (0, len(text) - 1))
        return self.left + text[start : end + 1] + self.right

    def predict(self, request: Request) -> dict[str, Any]:
        """Predictions by id.

        Raises
        ------
        Refusal
            When the models have no prediction for a length.
        """
        names = list(request.sequences)
        if not names:
            return {}
        shown = [self._shown(request, name) for name in names]
        values = mean_prediction(self.replicates, shown)
        without = np.flatnonzero(~np.isfinite(values))[:20]
        if len(without):
            raise Refusal(
                IMPOSSIBLE, [f"no prediction for {names[i]!r} of {len(shown[i])} bases with all ends" for i in without]
            )
        return dict(zip(names, values.tolist(), strict=True))


def expression_predictor(
    replicates: Sequence[Predictor],
    model: str,
    species: str,
    cell_type: str,
    *,
    scale: str = "log",
    log_base: float = 2.0,
    window: int | None = None,
    left: str = "",
    right: str = "",
) -> ExpressionPredictor:
    """Predictor of expression models, with what they offer.

    Parameters
    ----------
    replicates : sequence of Predictor
    model : str
        Its name.
    species, cell_type : str
        What the models were trained on.
    scale : {"log", "linear"}
        Of the predictions.
    log_base : float
        Of that logarithm.
    window, left, right
        See :class:`ExpressionPredictor`.
    """
    size = {} if window is None else {"input_size": len(left) + window + len(right)}
    offer = Offer(
        readout="point",
        types=EXPRESSION_TYPES,
        type_actual=["expression"],
        cell_type=cell_type,
        species=species,
        scale=scale,
        log_base=log_base,
        about={"model": model} | size | {"expression_strand_specific": False},
    )
    return ExpressionPredictor(replicates, offer, window, left, right)


class ContactPredictor:
    """Contact models: one map per sequence.

    Parameters
    ----------
    replicates : sequence of ContactModel
        Their mean is served.
    offer : Offer
    level : int, optional
        bp of the level that is served, of models of several: its window lies in the middle of the sequence.
    expected : ExpectedContacts, optional
        Of the model's map; models of several levels need them.

    Raises
    ------
    InputError
        When the models have no such level, or expected contacts are missing or do not fit.
    """

    def __init__(
        self,
        replicates: Sequence[ContactModel],
        offer: Offer,
        level: int | None = None,
        expected: ExpectedContacts | None = None,
    ):
        from cisflow.models.cascade_zoom import zoom_offsets
        from cisflow.variants.contact_views import Placer

        self.replicates, self.offer = replicates, offer
        ladder = replicates[0].settings.window.ladder
        self.length = ladder.length
        if level is not None and level not in ladder.levels:
            there = ", ".join(f"{one:,}" for one in ladder.levels)
            raise InputError(Problem("--level", f"{level:,}; the model has levels of {there} bp"))
        self._level = 0 if level is None else ladder.levels.index(level)
        self._several = len(ladder.levels) > 1
        self._background = Placer(ladder, _no_genome, {}, expected).level_expected()
        self._offsets = zoom_offsets(ladder, 0, ladder.length // 2)

    def predict(self, request: Request) -> dict[str, Any]:
        """Maps by id, float32 (bins, bins).

        Raises
        ------
        Refusal
            When ranges are given, or a sequence with its flanks has another length than the window.
        """
        from cisflow.contacts.genome import BASES

        if request.ranges:
            raise Refusal(IMPOSSIBLE, "ranges have no place in a request for whole contact maps")
        around = len(request.upstream) + len(request.downstream)
        wrong = [
            f"sequence {name!r}: {len(text) + around:,} bases with flanks; expected {self.length:,}"
            for name, text in request.sequences.items()
            if len(text) + around != self.length
        ]
        if wrong:
            raise Refusal(IMPOSSIBLE, wrong)
        code = np.full(256, len(BASES), dtype=np.uint8)
        code[np.frombuffer(BASES.encode(), dtype=np.uint8)] = np.arange(len(BASES))
        maps = {}
        for name, text in request.sequences.items():
            codes = code[np.frombuffer((request.upstream + text + request.downstream).encode(), dtype=np.uint8)]
            maps[name] = np.mean([self._map(model, codes) for model in self.replicates], axis=0, dtype=np.float32)
        return maps

    def _map(self, model: ContactModel, codes: np.ndarray) -> np.ndarray:
        if not self._several:
            return model.predict(codes)
        within = np.zeros(self._background.shape, dtype=bool)
        return model.predict_levels(codes, [self._offsets], [list(self._background)], [within])[0, self._level]


def _no_genome(*_: object) -> np.ndarray:
    raise ValueError("sequences come from requests alone")
