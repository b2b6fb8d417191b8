"""Numerical settings of torch that are part of a result.

Purpose: the same bytes from the same seed on the same kind of machine. Inputs: number of threads.
Outputs: torch's process-wide settings, put back afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def reproducible_numerics(threads: int) -> Iterator[None]:
    """Run a block with a fixed number of torch threads, deterministic algorithms and denormal numbers flushed to zero.

    Parameters
    ----------
    threads : int
        Torch threads inside one operation. Sums are split by thread, so that the last digits depend on the number.
    """
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
    )
    # cuBLAS reads this when it starts; without it matrix products on a GPU may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=before[2])
        torch.backends.cudnn.benchmark = before[3]
        torch.set_flush_denormal(False)
