"""What profile models minimise: how the counts fall on the positions, and how many there are.

Inputs: observed counts, a :class:`~cisflow.models.profiles.networks.ProfileOutput`. Outputs: scalars and the terms.
Source: the losses of BPNet and ChromBPNet, as used by Rafi et al. 2024.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from cisflow.models.profiles.networks import ProfileOutput


def multinomial_nll(logits: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of counts given their total, with the multinomial coefficient.

    Parameters
    ----------
    logits, counts : Tensor, (batch, positions)
        Scores before the softmax; counts, 0 or more, need not be whole.

    Returns
    -------
    Tensor, (batch,)
        Nats.
    """
    total = counts.sum(dim=1)
    coefficient = torch.lgamma(total + 1) - torch.lgamma(counts + 1).sum(dim=1)
    return -coefficient - (counts * functional.log_softmax(logits, dim=1)).sum(dim=1)


def count_error(log_count: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Squared difference of predicted and observed ln(1 + total); Tensor, (batch,)."""
    return (log_count - torch.log1p(counts.sum(dim=1))).square()


def profile_loss(
    output: ProfileOutput, counts: torch.Tensor, count_weight: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean over the batch of the profile term plus ``count_weight`` times the count term.

    Parameters
    ----------
    output : ProfileOutput
    counts : Tensor, (batch, positions)
    count_weight : float
        See :func:`cisflow.profiles.selection.count_weight`.

    Returns
    -------
    loss, profile, count : Tensor
        Scalars; the last two are the means of the terms (nats, squared nats).
    """
    logits, log_count = (part.float() for part in output)
    profile, count = multinomial_nll(logits, counts).mean(), count_error(log_count, counts).mean()
    return profile + count_weight * count, profile, count
