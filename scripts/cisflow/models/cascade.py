"""Orca's zoom cascades: contact maps of one window at several levels, each seeing the level above.

Purpose: the network of the 32- and 256-Mb models at any width, number of levels and bin size, and its prediction for a
window, averaged over strands. Inputs: base codes, window offsets and expected contacts of the levels (see
:mod:`cisflow.models.cascade_zoom`). Outputs: natural log of observed over expected contacts per level, coarse to fine.
Source: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cisflow.contacts.genome import reverse_complement
from cisflow.models.cascade_zoom import Ladder
from cisflow.models.checkpointing import WHOLE, Blocks
from cisflow.problems import InputError, Problem, not_one_of

PARTS = ("net0", "net", "net1")

#: Takes the number of a level and its map, and the backward pass from it.
Learn = Callable[[int, Tensor], None]


class Cascade(nn.Module):
    """Encoders shared by all levels, and one decoder per level.

    Parameters
    ----------
    ladder : Ladder
        Levels and bins.
    net0 : Encoder or OrcaNet
        Sequence to bins. With the decoder of a first-stage network, see ``finest_term``.
    net : CoarseningEncoder
        To coarser bins; its outputs are the levels, unless there is a ``net1``.
    decoders : sequence of Decoder
        Coarse to fine, one per level.
    net1 : CoarseningEncoder, optional
        To still coarser bins, from the coarsest output of ``net``; its outputs then are the levels (256-Mb model).
    finest_term : bool
        Add the map that the first-stage decoder of ``net0`` makes of the finest level's encoding.
    frozen : sequence of {"net0", "net", "net1"}
        Parts that stay in eval mode and get no gradient: ``net0`` in the second stage of training, ``net0`` and ``net``
        in the third.
    blocks : Blocks
        Of the sequence, for ``net0``.
    output : int
        Index of the output that is the map of the model; the others are of further data sets.

    Raises
    ------
    InputError
        When there is not one decoder per level, or a frozen part does not exist.
    """

    def __init__(
        self,
        ladder: Ladder,
        net0: nn.Module,
        net: nn.Module,
        decoders: Sequence[nn.Module],
        net1: nn.Module | None = None,
        finest_term: bool = False,
        frozen: Sequence[str] = (),
        blocks: Blocks = WHOLE,
        output: int = 0,
    ):
        super().__init__()
        if len(decoders) != len(ladder.levels):
            raise InputError(Problem("recipe", f"{len(decoders)} decoders for {len(ladder.levels)} levels"))
        self.ladder, self.blocks, self.finest_term, self.output = ladder, blocks, finest_term, output
        self.net0, self.net = net0, net
        if net1 is not None:
            self.net1 = net1
        self.decoders = nn.ModuleDict(
            {str(level): decoder for level, decoder in zip(ladder.levels, decoders, strict=True)}
        )
        self.frozen: tuple[str, ...] = ()
        self.freeze(frozen)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the encoders, in the order in which a sequence passes them."""
        return tuple(name for name in PARTS if hasattr(self, name))

    def freeze(self, names: Sequence[str]) -> None:
        """Keep the named encoders as they are; the others learn.

        Raises
        ------
        InputError
            When a name is not an encoder of this network, or an encoder after a learning one is frozen.
        """
        unknown = [name for name in names if name not in self.parts]
        if unknown:
            raise InputError(Problem("recipe", not_one_of(unknown[0], self.parts), column="network.frozen"))
        if tuple(names) != self.parts[: len(names)]:
            raise InputError(
                Problem(
                    "recipe",
                    f"{list(names)}; expected the first ones of {list(self.parts)}: gradients stop at a frozen part",
                    column="network.frozen",
                )
            )
        self.frozen = tuple(names)
        for name in self.parts:
            self.get_submodule(name).requires_grad_(name not in self.frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> Cascade:
        """Set the mode of all parts but the frozen ones, which stay in eval mode."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self

    def encodings(self, sequence: Tensor) -> dict[int, Tensor]:
        """Encode a window once for all levels.

        Parameters
        ----------
        sequence : Tensor
            One-hot [batch, 4, length], or base codes uint8 [batch, length]; length = ``ladder.length``.

        Returns
        -------
        dict of int to Tensor
            For each level (bp) the encoding of the whole window in bins of that level:
            [batch, channels, length / bin size].
        """
        if sequence.shape[-1] != self.ladder.length:
            raise ValueError(f"sequence of {sequence.shape[-1]:,} bp; expected {self.ladder.length:,} bp")
        with self._gradients("net0"):
            base = self.net0.encode_by(sequence, self.blocks)
        return self.coarser(base)

    def coarser(self, base: Tensor) -> dict[int, Tensor]:
        """Encodings of all levels from that of the finest bins; see :meth:`encodings`.

        Parameters
        ----------
        base : Tensor, [batch, channels, bins]
            What ``net0`` makes of the whole window.
        """
        with self._gradients("net"):
            found = self.net(base)
        if "net1" in self.parts:
            with self._gradients("net1"):
                found = self.net1(found[-1])
        return dict(zip(self.ladder.levels, reversed(found), strict=True))

    def _gradients(self, name: str) -> torch.set_grad_enabled:
        return torch.set_grad_enabled(torch.is_grad_enabled() and name not in self.frozen)

    def decode(self, level: int, encoding: Tensor, log_background: Tensor, coarse: Tensor | None = None) -> Tensor:
        """Contact map of one level.

        Parameters
        ----------
        level : int
            bp.
        encoding : Tensor, [batch, channels, bins]
            Of the level's window.
        log_background : Tensor, [batch, outputs, bins, bins]
            Natural log of the expected contacts.
        coarse : Tensor, [batch, outputs, bins / 2, bins / 2], optional
            What the level above says about the same stretch; None at the top.

        Returns
        -------
        Tensor, [batch, outputs, bins, bins]
        """
        contacts = self.decoders[str(level)](encoding, log_background, coarse)
        if self.finest_term and level == self.ladder.levels[-1]:
            with self._gradients("net0"):
                term = self.net0.decode(encoding)
            contacts = contacts + term
        return contacts

    def forward(
        self,
        encodings: dict[int, Tensor] | Tensor,
        offsets: np.ndarray,
        log_backgrounds: Sequence[Tensor],
        learn: Learn | None = None,
    ) -> list[Tensor]:
        """Run down the levels.

        Parameters
        ----------
        encodings : dict of int to Tensor, or Tensor
            See :meth:`encodings`; a sequence is encoded first.
        offsets : int64 array, (levels,) or (batch, levels)
            bp from the start of the top window, in the direction of the strand that was encoded.
        log_backgrounds : sequence of Tensor, [batch or 1, outputs or 1, bins, bins]
            Coarse to fine. One background stands for all outputs.
        learn : callable, optional
            Called with the number of a level and its map as soon as this is there; takes the backward pass from the
            map. Then the activations of one decoder at a time are held, instead of those of all. The backward pass of
            the encoders follows the last level.

        Returns
        -------
        list of Tensor, [batch, outputs, bins, bins]
            Coarse to fine; without gradients after ``learn``. No gradient passes from a level to the one above, as
            published.
        """
        if isinstance(encodings, Tensor):
            encodings = self.encodings(encodings)
        encoded = encodings
        if learn is not None:
            encodings = {level: one.detach().requires_grad_(one.requires_grad) for level, one in encoded.items()}
        batch = len(next(iter(encodings.values())))
        offsets = np.broadcast_to(offsets, (batch, len(self.ladder.levels)))
        found: list[Tensor] = []
        for k, (level, size) in enumerate(zip(self.ladder.levels, self.ladder.bin_sizes, strict=True)):
            encoding = _crop(encodings[level], offsets[:, k] // size, self.ladder.bins)
            coarse = None
            if k:
                first = (offsets[:, k] - offsets[:, k - 1]) // (2 * size)
                coarse = _crop_square(found[-1].detach(), first, self.ladder.bins // 2)
            background = log_backgrounds[k].expand(batch, self.decoders[str(level)].outputs, -1, -1)
            contacts = self.decode(level, encoding, background, coarse)
            if learn is not None:
                learn(k, contacts)
                contacts = contacts.detach()
            found.append(contacts)
        reached = [level for level, one in encodings.items() if learn is not None and one.grad is not None]
        if reached:
            torch.autograd.backward([encoded[level] for level in reached], [encodings[level].grad for level in reached])
        return found


def _crop(values: Tensor, firsts: np.ndarray, n: int) -> Tensor:
    """Cut ``n`` positions from [batch, channels, length], from a first position of each sample."""
    if (firsts == firsts[0]).all():
        return values[..., int(firsts[0]) : int(firsts[0]) + n]
    return torch.stack([one[..., int(first) : int(first) + n] for one, first in zip(values, firsts, strict=True)])


def _crop_square(values: Tensor, firsts: np.ndarray, n: int) -> Tensor:
    """Cut n x n from [batch, channels, bins, bins] on the diagonal, from a first bin of each sample."""
    crops = (slice(int(first), int(first) + n) for first in firsts)
    return torch.stack([one[:, crop, crop] for one, crop in zip(values, crops, strict=True)])


def log_backgrounds(backgrounds: Sequence[np.ndarray], device: torch.device | str = "cpu") -> list[Tensor]:
    """Natural logs of expected contacts, (bins, bins) or (outputs, bins, bins), as float32 [1, outputs, bins, bins]."""
    logs = (torch.from_numpy(np.log(np.ascontiguousarray(one)).astype(np.float32)) for one in backgrounds)
    return [one.reshape(1, -1, *one.shape[-2:]).to(device) for one in logs]


@torch.inference_mode()
def strand_encodings(cascade: Cascade, codes: np.ndarray) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Encodings of both strands of an input, for :func:`predict_from_encodings`; parameters as in `predict_ladder`."""
    device = next(cascade.parameters()).device
    forward, reverse = (cascade.encodings(_batch(bases, device)) for bases in (codes, reverse_complement(codes)))
    return forward, reverse


@torch.inference_mode()
def predict_from_encodings(
    cascade: Cascade,
    encodings: tuple[dict[int, Tensor], dict[int, Tensor]],
    offsets: np.ndarray,
    backgrounds: Sequence[np.ndarray],
    reverse_backgrounds: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Predict all levels of one series of windows from the encodings of both strands; see :func:`predict_ladder`."""
    device = next(cascade.parameters()).device
    if reverse_backgrounds is None:
        reverse_backgrounds = [one[..., ::-1, ::-1] for one in backgrounds]
    starts = offsets, cascade.ladder.mirrored(offsets)
    forward, reverse = (
        torch.cat(cascade(encoded, first, log_backgrounds(expected, device)))
        for encoded, first, expected in zip(encodings, starts, (backgrounds, reverse_backgrounds), strict=True)
    )
    return (0.5 * (forward + reverse.flip(2, 3))).float().cpu().numpy()


def predict_ladder(
    cascade: Cascade,
    codes: np.ndarray,
    offsets: np.ndarray,
    backgrounds: Sequence[np.ndarray],
    reverse_backgrounds: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Predict all levels of one window: mean over both strands.

    Parameters
    ----------
    cascade : Cascade
        In eval mode.
    codes : uint8 array, (length,)
        A, C, G, T = 0 to 3, unknown = 4.
    offsets : int64 array, (levels,)
        Of the forward strand (bp), see :func:`~cisflow.models.cascade_zoom.zoom_offsets`.
    backgrounds : sequence of float array, (bins, bins) or (outputs, bins, bins)
        Expected contacts of each level, coarse to fine, linear scale.
    reverse_backgrounds : sequence of float array, optional
        The same in the direction of the reverse strand, see :func:`~cisflow.models.cascade_zoom.matrix_backgrounds`;
        by default the forward ones, flipped.

    Returns
    -------
    float32 array, (levels, outputs, bins, bins)
        Natural log of observed over expected contacts, forward strand, coarse to fine.
    """
    encodings = strand_encodings(cascade, codes)
    return predict_from_encodings(cascade, encodings, offsets, backgrounds, reverse_backgrounds)


def _batch(codes: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(codes))[None].to(device)
