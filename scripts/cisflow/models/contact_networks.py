"""Networks that map a sequence window to its contact map.

Purpose: the register that recipes draw from, and the encoding of sequences. Inputs: the recipe's ``network`` and
the shape of the window. Outputs: torch modules: one-hot sequences (batch, 4, length) to contacts
(batch, 1, bins, bins), or to contacts and profiles (batch, profiles, bins).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from cisflow.models.akita_net import POOLS as POOLS_AKITA
from cisflow.models.akita_net import AkitaNet
from cisflow.models.cascade_network import orca_cascade
from cisflow.models.composition import Composition
from cisflow.models.contact_settings import ContactSettings
from cisflow.models.distance_only import DistanceOnly, LadderDistanceOnly
from cisflow.models.kmer_pairs import KmerPairs
from cisflow.models.mean_map import LadderMeanMap, MeanMap
from cisflow.models.orca_blocks import DROPOUT, KERNEL_SIZE
from cisflow.models.orca_encoder import POOLS, WIDTHS, one_hot
from cisflow.models.orca_net import DILATIONS_1M, OrcaNet
from cisflow.problems import InputError, Problem
from cisflow.registry import Registry, takes_settings_of

__all__ = ["CONTACT_NETWORKS", "build_network", "one_hot"]

#: Models that know no sequence by their name in recipes: of one level, of several.
MEANS = {"distance_only": (DistanceOnly, LadderDistanceOnly), "mean_map": (MeanMap, LadderMeanMap)}
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
    if problems := _pool_problems(network.bin_size, bin_size, pools):
        raise InputError(problems)
    return network


@CONTACT_NETWORKS.register("akita")
@takes_settings_of(AkitaNet)
def akita(bins: int, bin_size: int, profiles: int, **settings: Any) -> AkitaNet:
    """Akita-style network (Fudenberg et al. 2020); settings of :class:`~cisflow.models.akita_net.AkitaNet`.

    Raises
    ------
    InputError
        When the pooling factors do not multiply to ``bin_size``, or there are profile tracks to learn.
    """
    network = AkitaNet(**settings)
    problems = _pool_problems(network.bin_size, bin_size, settings.get("pools", POOLS_AKITA))
    if profiles:
        found = f"{profiles} profile track(s), but an Akita-style network learns none; expected 0"
        problems.append(Problem("recipe", found, column="training.profile_weight"))
    if problems:
        raise InputError(problems)
    return network


def _pool_problems(found: int, expected: int, pools: Sequence[int]) -> list[Problem]:
    if found == expected:
        return []
    said = f"the pooling factors {list(pools)} multiply to {found}; expected the bin size {expected}"
    return [Problem("recipe", said, column="network.pools")]


@CONTACT_NETWORKS.register("kmer_pairs")
@takes_settings_of(KmerPairs)
def kmer_pairs(bins: int, bin_size: int, profiles: int, **settings: Any) -> KmerPairs:
    """Small network on the k-mers of bins and of what lies between them; its settings are those of
    :class:`~cisflow.models.kmer_pairs.KmerPairs`.

    Raises
    ------
    InputError
        When the recipe wants profiles, which it does not have.
    """
    if profiles:
        found = "kmer_pairs predicts no profiles; expected 0"
        raise InputError(Problem("recipe", found, column="training.profile_weight"))
    return KmerPairs(bins, bin_size, **settings)


def build_network(settings: ContactSettings, profiles: int) -> torch.nn.Module:
    """Make the network of a recipe with ``profiles`` profile tracks.

    Raises
    ------
    InputError
        When the recipe names an unknown network or settings that it does not take.
    """
    window = settings.window
    if settings.model in MEANS:
        one_level, ladder = MEANS[settings.model]
        return one_level(window.bins) if window.levels == 1 else ladder(window.bins, window.levels)
    if settings.model == "composition":
        return Composition(window.bins, window.bin_size)
    network = CONTACT_NETWORKS.make(settings.network, window.bins, window.bin_size, profiles)
    given = len(network.ladder.levels) if hasattr(network, "ladder") else 1
    if given != window.levels:
        found = f"{window.levels}, but the network has {given} level(s)"
        raise InputError(Problem("recipe", found, column="window.levels"))
    return network
