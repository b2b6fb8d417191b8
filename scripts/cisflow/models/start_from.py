"""Start values of a contact model: the weights of another one.

Purpose: a later stage starts from the encoders of the stage before, and any model can go on from weights of its own
form. Inputs: a bundle. Outputs: a function that changes a fresh network.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from cisflow.joblog import logger
from cisflow.models.cascade import Cascade
from cisflow.models.cascade_network import load_earlier_stage
from cisflow.models.import_weights import fit_state
from cisflow.problems import InputError, Problem
from cisflow.training.bundle import WEIGHTS, read_bundle

PROFILE_HEAD = "final_1d."


def start_values(folder: str | Path, whole: bool = False) -> Callable[[torch.nn.Module], None]:
    """Read a bundle whose weights a network starts from.

    Parameters
    ----------
    folder : path
        Bundle of a contact model.
    whole : bool
        Of a network that is not trained any more: it needs all of its weights from the bundle. Only a profile head
        that it lacks may be left out.

    Returns
    -------
    callable
        Takes a network and gives it, in place,

        - all weights, when both have the same tensors;
        - all but the profile head, when that is what differs: other maps have other tracks;
        - the encoders of the stage before, when the network is a cascade: an Orca-1Mb network or a cascade of fewer
          encoders, see :func:`~cisflow.models.cascade_network.load_earlier_stage`.

        It raises InputError with every tensor that is missing, unexpected or of another shape.

    Raises
    ------
    InputError
        When the folder is not the bundle of a contact network.
    """
    bundle = read_bundle(folder)
    where = str(Path(folder) / WEIGHTS)
    if bundle.recipe.get("task") != "contacts" or "network" not in bundle.recipe:
        raise InputError(Problem(str(folder), "expected the bundle of a contact network", column="start_from"))
    state = bundle.weights

    def start(network: torch.nn.Module) -> None:
        own = network.state_dict()
        if isinstance(network, Cascade) and set(own) != set(state) and not whole:
            taken = load_earlier_stage(network, state, where)
            logger.info("start from %s: %s", folder, ", ".join(taken))
            return
        heads = [{name: t.shape for name, t in one.items() if name.startswith(PROFILE_HEAD)} for one in (own, state)]
        expected, given = own, state
        if heads[0] != heads[1]:
            expected, given = (
                {name: t for name, t in one.items() if not name.startswith(PROFILE_HEAD)} for one in (own, state)
            )
            logger.info("start from %s: other profiles, the head for them starts afresh", folder)
        fitted = fit_state(given, expected, where)
        network.load_state_dict({**own, **fitted})
        logger.info("start from %s: %d tensors", folder, len(fitted))

    return start
