"""Maps of many similar windows from one contact model, each bin of sequence encoded once.

Purpose: variants and screens ask for windows that share nearly all of their bases. Inputs: a trained model, base codes
of windows. Outputs: maps of all levels, both strands averaged, as :class:`~cisflow.models.contact_predict.ContactModel`
predicts them (up to rounding).
"""

from __future__ import annotations

import numpy as np
import torch

from cisflow.contacts.genome import reverse_complement
from cisflow.models.cascade import Cascade, predict_from_encodings
from cisflow.models.contact_predict import ContactModel
from cisflow.models.local_encoding import LocalEncoder
from cisflow.models.orca_net import OrcaNet


class LocalPredictor:
    """Predicts windows and remembers their encodings.

    Parameters
    ----------
    model : ContactModel
    kept : int
        Windows remembered on each strand.

    Attributes
    ----------
    settings : ContactSettings
    """

    def __init__(self, model: ContactModel, kept: int = 4):
        self.model, self.settings = model, model.settings
        network = model.network
        encoder = network.net0 if isinstance(network, Cascade) else network if isinstance(network, OrcaNet) else None
        #: Of the forward and of the reverse strand; none for networks that have no encoder of this kind.
        self.strands = () if encoder is None else tuple(LocalEncoder(encoder, kept) for _ in range(2))

    def forget(self) -> None:
        """Forget all windows, see :meth:`LocalEncoder.forget`."""
        for strand in self.strands:
            strand.forget()

    @torch.inference_mode()
    def predict(
        self,
        codes: np.ndarray,
        offsets: np.ndarray,
        expected: np.ndarray | None = None,
        trans: np.ndarray | None = None,
    ) -> np.ndarray:
        """Predict all levels of one series of windows.

        Parameters
        ----------
        codes : uint8 array, (length,)
            A, C, G, T = 0 to 3, unknown = 4; ``settings.window.length`` bases.
        offsets : int64 array, (levels,)
            See :meth:`cisflow.models.contact_predict.ContactModel.predict_levels`.
        expected : float array, (levels, bins, bins), optional
            Expected contacts, linear scale; models of several levels need them.
        trans : bool array, (levels, bins, bins), optional
            Entries between chromosomes.

        Returns
        -------
        float32 array, (levels, bins, bins)
            Natural log of observed over expected contacts, coarse to fine.
        """
        network, window = self.model.network, self.settings.window
        if len(codes) != window.length:
            raise ValueError(f"sequence of {len(codes):,} bp; expected {window.length:,} bp")
        if not self.strands and window.levels == 1:
            return self.model.predict(codes)[None]
        if not self.strands:
            none = np.zeros((window.levels, window.bins, window.bins), dtype=bool)
            trans = none if trans is None else trans
            return self.model.predict_levels(codes, [offsets], [expected], [trans])[0]
        bases = tuple(
            strand.encode(one) for strand, one in zip(self.strands, (codes, reverse_complement(codes)), strict=True)
        )
        if isinstance(network, Cascade):
            encodings = tuple(network.coarser(base) for base in bases)
            return predict_from_encodings(network, encodings, offsets, list(expected))[:, network.output]
        forward, reverse = (network.decode(base)[0, 0].float().cpu().numpy() for base in bases)
        return (0.5 * (forward + reverse[::-1, ::-1]))[None]
