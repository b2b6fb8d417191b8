"""Choice of the compute device: explicit, never a silent fallback.

Inputs: the config's ``device`` (``auto``, ``cpu`` or ``cuda``). Outputs: a torch device.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cisflow.gpu_leases import lease_gpus
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    import torch

#: Device files of the drivers of NVIDIA, NVIDIA under Windows, and AMD.
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def gpu_present() -> bool:
    """Whether this machine has a GPU driver; answers at once, without loading torch."""
    return any(Path(device).exists() for device in GPU_DEVICES)


def choose_device(wanted: str) -> torch.device:
    """Return the device to compute on and say which one it is.

    A GPU is this process's own until it ends; where all are taken by other jobs of the machine this one waits
    (cisflow.gpu_leases).

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda"}
        ``auto`` takes a GPU when torch sees one, else the CPU.

    Raises
    ------
    InputError
        When ``cuda`` is asked for and torch sees no GPU.
    """
    if wanted != "cpu" and gpu_present():
        lease_gpus(wanted)
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError(
            Problem(
                "config",
                "'cuda' asked for, but torch sees no GPU on this machine; use 'auto' or 'cpu', or run on a GPU node",
                column="device",
            )
        )
    device = torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} thread(s)"
    logger.info("device: %s (%s)", device, name)
    return device
