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
def reproducible_numerics(threads: int, tf32: bool = False) -> Iterator[None]:
    """Run a block with a fixed number of torch threads, deterministic algorithms and denormal numbers flushed to zero.

    Parameters
    ----------
    threads : int
        Torch threads inside one operation. Sums are split by thread, so that the last digits depend on the number.
    tf32 : bool
        Let GPUs round the inputs of convolutions and matrix products to 10 bits of mantissa: faster, less exact.
    """
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.utils.deterministic.fill_uninitialized_memory,
    )
    # cuBLAS reads this when it starts; without it matrix products on a GPU may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling new tensors would make reads of memory that nothing wrote repeatable; there are none, and it takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=before[2])
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = before[3:5]
        torch.backends.cuda.matmul.allow_tf32 = before[5]
        torch.utils.deterministic.fill_uninitialized_memory = before[6]
        torch.set_flush_denormal(False)
