"""State of an unfinished training, so that a killed job continues bit for bit.

Inputs: everything that the next step depends on. Outputs: ``<state folder>/<key>/state.pt``, replaced atomically and
read back without executing any code. The key is a digest of what the training is made of (recipe, data, seed, code,
device, threads): a state of another training is never picked up.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cisflow.files import atomic_path
from cisflow.joblog import logger

KEY_LENGTH = 16


def state_key(made_of: Mapping[str, Any]) -> str:
    """Digest of plain values, as 16 hexadecimal digits."""
    text = json.dumps(made_of, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def random_state(device: torch.device) -> dict[str, Any]:
    """State of torch's generators: the CPU's, and each GPU's when training runs on one."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if device.type == "cuda" else [],
    }


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Put torch's generators back to a state of :func:`random_state`."""
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


class StateFolder:
    """Folder of the unfinished states of one model.

    Parameters
    ----------
    folder : path
        Not a declared output of a rule: Snakemake removes those before a job starts again.
    key : str
        Digest from :func:`state_key`.
    """

    def __init__(self, folder: str | Path, key: str):
        self.folder = Path(folder)
        self.path = self.folder / key / "state.pt"

    def load(self) -> dict[str, Any] | None:
        """Return the saved state with its tensors on the CPU, or None when there is none that can be read."""
        if not self.path.is_file():
            return None
        try:
            return torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            logger.warning("training starts again: the saved state %s cannot be read (%s)", self.path, error)
            return None

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the saved state."""
        with atomic_path(self.path) as temporary:
            torch.save(dict(state), temporary)

    def save_batch(self, batch: Mapping[str, torch.Tensor], step: int) -> Path:
        """Keep the batch of a failed step and return its file."""
        path = self.path.with_name(f"failed_batch_step{step}.pt")
        with atomic_path(path) as temporary:
            torch.save({name: tensor.detach().cpu() for name, tensor in batch.items()}, temporary)
        return path

    def remove(self) -> None:
        """Remove this state and those that earlier recipes, data or code left for the same model."""
        if not self.folder.is_dir():
            return
        for child in self.folder.iterdir():
            if child.is_dir() and re.fullmatch(f"[0-9a-f]{{{KEY_LENGTH}}}", child.name):
                shutil.rmtree(child)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
