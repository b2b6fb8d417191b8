"""Networks that map a sequence window to its contact map.

Purpose: the register that recipes draw from, and the encoding of sequences. Inputs: the recipe's ``network`` and
the shape of the window. Outputs: torch modules: one-hot sequences (batch, 4, length) to contacts
(batch, 1, bins, bins), or to contacts and profiles (batch, profiles, bins).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cisflow.models.cascade_network import orca_cascade
from cisflow.models.composition import Composition
from cisflow.models.contact_settings import ContactSettings
from cisflow.models.distance_only import DistanceOnly, LadderDistanceOnly
from cisflow.models.orca_blocks import DROPOUT, KERNEL_SIZE
from cisflow.models.orca_encoder import POOLS, WIDTHS, one_hot
from cisflow.models.orca_net import DILATIONS_1M, OrcaNet
from cisflow.problems import InputError, Problem
from cisflow.registry import Registry

__all__ = ["CONTACT_NETWORKS", "build_network", "one_hot"]

CONTACT_NETWORKS = Registry("contact network")
CONTACT_NETWORKS.register("orca_cascade")(orca_cascade)


@CONTACT_NETWORKS.register("orca_1mb")
def orca_1mb(
    bins: int,
    bin_size: int,
    profiles: int,
    widths: Sequence[int] = WIDTHS,
    pools: Sequence[int] = POOLS,
    kernel_size: int = KERNEL_SIZE,
    channels: int = 64,
    middle: int = 32,
    dilations: Sequence[int] = DILATIONS_1M,
    head: int = 5,
    dropout: float = DROPOUT,
    checkpoint: int = 0,
    block_bins: int | str = 0,
    block_statistics: str = "whole",
) -> OrcaNet:
    """Orca-1Mb (Zhou 2022); its settings are those of :class:`~cisflow.models.orca_net.OrcaNet`.

    Raises
    ------
    InputError
        When the pooling factors do not multiply to ``bin_size``.
    """
    network = OrcaNet(
        *(widths, pools, kernel_size, channels, middle, dilations, head, dropout, profiles, checkpoint),
        *(block_bins, block_statistics),
    )
    if network.bin_size != bin_size:
        raise InputError(
            Problem(
                "recipe",
                f"the pooling factors {list(pools)} multiply to {network.bin_size}; expected the bin size {bin_size}",
                column="network.pools",
            )
        )
    return network


def build_network(settings: ContactSettings, profiles: int) -> torch.nn.Module:
    """Make the network of a recipe with ``profiles`` profile tracks.

    Raises
    ------
    InputError
        When the recipe names an unknown network or settings that it does not take.
    """
    window = settings.window
    if settings.model == "distance_only":
        return DistanceOnly(window.bins) if window.levels == 1 else LadderDistanceOnly(window.bins, window.levels)
    if settings.model == "composition":
        return Composition(window.bins, window.bin_size)
    network = CONTACT_NETWORKS.make(settings.network, window.bins, window.bin_size, profiles)
    given = len(network.ladder.levels) if hasattr(network, "ladder") else 1
    if given != window.levels:
        found = f"{window.levels}, but the network has {given} level(s)"
        raise InputError(Problem("recipe", found, column="window.levels"))
    return network
