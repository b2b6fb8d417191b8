"""Highest memory of a piece of work.

Inputs: the device that it runs on. Outputs: bytes: of the GPU, or resident memory of this process on a CPU.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
#: Written to ``clear_refs``: the highest resident memory starts anew.
START_ANEW = "5"


def resident_bytes(line: str = "VmRSS") -> int:
    """Resident memory of this process, now (``VmRSS``) or at most since the last reset (``VmHWM``)."""
    if STATUS.is_file():
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return 1024 * int(next(text.split()[1] for text in lines if text.startswith(line)))
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else 1024 * highest


def release_freed_memory() -> None:
    """Give memory that was freed back to the system, so that it does not count for what comes next (glibc only)."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return


class PeakMemory:
    """Highest memory since the object was made.

    Parameters
    ----------
    device : torch.device

    Notes
    -----
    Where the system cannot start the count of resident memory anew (not Linux), it is that of the whole process.
    """

    def __init__(self, device: torch.device):
        self.device = device
        if device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(device)
        elif RESET.exists():
            RESET.write_text(START_ANEW, encoding="ascii")

    def read(self) -> int:
        """Bytes: allocated on the GPU by torch, or resident memory of the process."""
        if self.device.type == "cuda":
            import torch

            return torch.cuda.max_memory_allocated(self.device)
        return resident_bytes("VmHWM")
