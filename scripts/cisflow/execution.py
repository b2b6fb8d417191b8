"""Settings on which no result depends: how often a training saves its state, how much memory a job may use.

A job takes them from the config itself and not from the parameters of its rule, so that a change reruns nothing
(docs/reruns.md). Inputs: settings of a rule, the config. Outputs: the settings completed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_saving(settings: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a training with ``training.save_every_seconds`` of the config.

    Parameters
    ----------
    settings : mapping
        Parameters of the rule, with ``training`` among them.
    config : mapping
        The config of the run.

    Returns
    -------
    dict
        A copy; the settings given stay as they are.
    """
    saving = {"save_every_seconds": config["training"]["save_every_seconds"]}
    return {**settings, "training": {**settings["training"], **saving}}
