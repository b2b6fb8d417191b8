"""Zoom cascades from a recipe, and from the networks of the stage before.

Purpose: build a :class:`~cisflow.models.cascade.Cascade` of any width, and start it from trained parts. Inputs: the
recipe's ``network``, state dicts. Outputs: a cascade.
Source: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from cisflow.models.cascade import PARTS, Cascade
from cisflow.models.cascade_zoom import Ladder
from cisflow.models.checkpointing import Blocks
from cisflow.models.import_weights import fit_state
from cisflow.models.orca_blocks import DROPOUT, KERNEL_SIZE
from cisflow.models.orca_decoder import DILATIONS, Decoder
from cisflow.models.orca_encoder import POOLS, WIDTHS, Encoder
from cisflow.models.orca_multiscale import CoarseningEncoder
from cisflow.models.orca_net import DILATIONS_1M, OrcaNet
from cisflow.problems import InputError, Problem

#: What only the first stage has, and a cascade may leave out: profile head, decoder.
FIRST_STAGE_ONLY = (("final_1d.",), ("lconvtwos.", "convtwos.", "final."))


def orca_cascade(
    bins: int,
    bin_size: int,
    profiles: int = 0,
    widths: Sequence[int] = WIDTHS,
    pools: Sequence[int] = POOLS,
    kernel_size: int = KERNEL_SIZE,
    steps: int = 5,
    way_back: bool = True,
    coarse_steps: int = 0,
    channels: int = 64,
    middle: int = 32,
    dilations: Sequence[int] = DILATIONS,
    head: int = 5,
    dropout: float = DROPOUT,
    upsampling: str = "nearest",
    outputs: int = 1,
    output: int = 0,
    finest_term: bool = True,
    dilations_1m: Sequence[int] = DILATIONS_1M,
    frozen: Sequence[str] = ("net0",),
    block_bins: int | str = 0,
    block_statistics: str = "whole",
) -> Cascade:
    """Orca's 32- or 256-Mb network (Zhou 2022), at any width and number of levels.

    Parameters
    ----------
    bins, bin_size : int
        Bins per level, and their size (bp) at the finest level.
    profiles : int
        Not used: the second and third stage have no profiles.
    widths, pools, kernel_size
        Of ``net0``, see :class:`~cisflow.models.orca_encoder.Encoder`; ``kernel_size`` also of the coarser encoders.
    steps : int
        Doublings of the bin size in ``net``; without ``coarse_steps``, steps + 1 levels.
    way_back : bool
        Of both coarser encoders, see :class:`~cisflow.models.orca_multiscale.CoarseningEncoder`; False in the HCT116
        model.
    coarse_steps : int
        Doublings in ``net1``: the levels then are its outputs, coarse_steps + 1 of them. 3 in the 256-Mb model.
    channels, middle, dilations, head, dropout, upsampling, outputs
        Of the decoders, see :class:`~cisflow.models.orca_decoder.Decoder`.
    output : int
        Which of the outputs is the map that the model is trained and tested on, from 0. All get the expected contacts
        of that map.
    finest_term : bool
        Add the first-stage decoder's map at the finest level; not with ``coarse_steps``.
    dilations_1m : sequence of int
        Of the first-stage decoder; its widths are those of the others.
    frozen
        See :class:`~cisflow.models.cascade.Cascade`.
    block_bins, block_statistics
        Of ``net0``, see :class:`~cisflow.models.checkpointing.Blocks`.

    Raises
    ------
    InputError
        When pools, steps and ``bin_size`` do not fit.
    """
    finest_term = finest_term and not coarse_steps
    if not 0 <= output < outputs:
        found = f"{output}; expected 0 to {outputs - 1}, one of the {outputs} outputs"
        raise InputError(Problem("recipe", found, column="network.output"))
    if finest_term:
        net0 = OrcaNet(widths, pools, kernel_size, channels, middle, dilations_1m, head, dropout)
    else:
        net0 = Encoder(widths, pools, kernel_size)
    finest = net0.bin_size * (2**steps if coarse_steps else 1)
    if finest != bin_size:
        doubled = f", doubled {steps} times," if coarse_steps else ""
        raise InputError(
            Problem(
                "recipe",
                f"the pooling factors {list(pools)} multiply{doubled} to {finest}; expected the bin size {bin_size}",
                column="network.pools",
            )
        )
    ladder = Ladder.from_finest(bins, bin_size, (coarse_steps or steps) + 1)
    coarser = {"channels": net0.channels, "way_back": way_back, "kernel_size": kernel_size}
    decoders = [
        Decoder(net0.channels, channels, middle, dilations, head, dropout, upsampling, outputs) for _ in ladder.levels
    ]
    net1 = CoarseningEncoder(coarse_steps, **coarser) if coarse_steps else None
    net = CoarseningEncoder(steps, **coarser)
    blocks = Blocks(block_bins, block_statistics)
    return Cascade(ladder, net0, net, decoders, net1, finest_term, frozen, blocks, output)


def load_earlier_stage(cascade: Cascade, state: Mapping[str, Tensor], where: str) -> tuple[str, ...]:
    """Take the encoders of an earlier stage's network into a cascade.

    Parameters
    ----------
    cascade : Cascade
        Changed in place.
    state : mapping of str to Tensor
        State dict of an Orca-1Mb network (becomes ``net0``; its profile head, and its decoder where the cascade has no
        finest term, are left out), or of a cascade (``net0``, ``net``).
    where : str
        File for messages.

    Returns
    -------
    tuple of str
        Parts that were taken.

    Raises
    ------
    InputError
        With every tensor that is missing, unexpected or of another shape.
    """
    earlier = {name: _under(f"{name}.", state) for name in PARTS}
    found = {name: part for name, part in earlier.items() if part} or {"net0": dict(state)}
    taken = {name: part for name, part in found.items() if name in cascade.parts[:2]}
    if not taken:
        raise InputError(Problem(where, f"has {', '.join(found)}; expected encoders of an earlier stage"))
    fitted, problems = {}, []
    for name, part in taken.items():
        expected = cascade.get_submodule(name).state_dict()
        if name == "net0":
            part = without_first_stage_parts(part, expected)
        try:
            fitted[name] = fit_state(part, expected, f"{where} {name}")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    for name, part in fitted.items():
        cascade.get_submodule(name).load_state_dict(part)
    return tuple(taken)


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def without_first_stage_parts(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out profile head and decoder of a first-stage network where ``expected`` has none at all."""
    dropped = [prefixes for prefixes in FIRST_STAGE_ONLY if not any(name.startswith(prefixes) for name in expected)]
    return {name: value for name, value in state.items() if not any(name.startswith(one) for one in dropped)}
