"""Maps of many similar windows from one contact model, each bin of sequence encoded once.

Purpose: variants and screens ask for windows that share nearly all of their bases. Inputs: a trained model, base codes
of windows. Outputs: maps of all levels, both strands averaged, as :class:`~cisflow.models.contact_predict.ContactModel`
predicts them (up to rounding).
"""

from __future__ import annotations

import numpy as np
import torch

from cisflow.contacts.genome import reverse_complement
from cisflow.models.cascade import Cascade, log_backgrounds, predict_from_encodings
from cisflow.models.contact_predict import ContactModel
from cisflow.models.local_encoding import LocalEncoder
from cisflow.models.orca_net import OrcaNet
from cisflow.problems import InputError, Problem


class LocalPredictor:
    """Predicts windows and remembers their encodings.

    Parameters
    ----------
    model : ContactModel
    kept : int
        Windows remembered on each strand.
    forward_only : bool
        Predict the forward strand alone, as in the published screen of disrupted sites; models of one level.

    Raises
    ------
    InputError
        When ``forward_only`` is asked of a model that has no such prediction.

    Attributes
    ----------
    settings : ContactSettings
    """

    def __init__(self, model: ContactModel, kept: int = 4, forward_only: bool = False):
        self.model, self.settings = model, model.settings
        network = model.network
        encoder = network.net0 if isinstance(network, Cascade) else network if isinstance(network, OrcaNet) else None
        if forward_only and not isinstance(network, OrcaNet):
            raise InputError(
                Problem("forward strand alone", "only models of one level with an Orca encoder predict it")
            )
        #: Of the forward and of the reverse strand; none for networks that have no encoder of this kind.
        self.strands = () if encoder is None else tuple(LocalEncoder(encoder, kept) for _ in range(2 - forward_only))

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
        remember: bool = True,
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
        remember : bool
            Keep the window's encoding for those that follow.

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
        bases = self._encode(codes, remember)
        if isinstance(network, Cascade):
            encodings = network.coarser(bases[0]), network.coarser(bases[1])
            return predict_from_encodings(network, encodings, offsets, list(expected))[:, network.output]
        return _averaged([network.decode(base)[0, 0].float().cpu().numpy() for base in bases])[None]

    def predict_top(self, codes: np.ndarray, expected: np.ndarray | None, remember: bool = True) -> np.ndarray:
        """Predict the coarsest level alone; float32 (bins, bins).

        Parameters
        ----------
        codes, remember
            See :meth:`predict`.
        expected : float array, (bins, bins), or None
            Expected contacts of that level.
        """
        backgrounds = [expected, None if expected is None else expected[::-1, ::-1]]
        strands = zip(self._encode(codes, remember), backgrounds, strict=False)
        return _averaged([top_level_map(self.model.network, base, background) for base, background in strands])

    def _encode(self, codes: np.ndarray, remember: bool) -> list[torch.Tensor]:
        found = [self.strands[0].encode(codes, remember)]
        if len(self.strands) > 1:
            found.append(self.strands[1].encode(reverse_complement(codes), remember))
        return found


def _averaged(maps: list[np.ndarray]) -> np.ndarray:
    """Mean of the map of the forward strand and the turned one of the reverse strand, where there is one."""
    return 0.5 * (maps[0] + maps[1][::-1, ::-1]) if len(maps) > 1 else maps[0]


@torch.inference_mode()
def top_level_map(network: torch.nn.Module, base: torch.Tensor, expected: np.ndarray | None) -> np.ndarray:
    """Coarsest map of one strand from the encoding of the whole window in the finest bins.

    Parameters
    ----------
    network : Cascade or OrcaNet
    base : Tensor, [1, channels, bins]
    expected : float array, (bins, bins), or None
        Expected contacts of the coarsest level; not used by networks of one level.

    Returns
    -------
    float32 array, (bins, bins)
        Natural log of observed over expected contacts.
    """
    if not isinstance(network, Cascade):
        return network.decode(base)[0, 0].float().cpu().numpy()
    level = network.ladder.levels[0]
    (background,) = log_backgrounds([expected], base.device)
    found = network.decode(level, network.coarser(base)[level], background)
    return found[0, network.output].float().cpu().numpy()
