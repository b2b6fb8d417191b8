"""Several processes that train one network: each takes its rows of every batch, gradients are added up.

Inputs: the environment that torchrun sets (``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``). Outputs: sums over processes.
Gloo joins processes on CPUs, NCCL those on GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from cisflow.problems import InputError, Problem

# The first process validates alone; torchrun itself notices a process that has died.
PATIENCE = timedelta(hours=24)


@dataclass(frozen=True)
class Processes:
    """This process among those of a training.

    Attributes
    ----------
    rank, count : int
        Number of this process from 0, and of all.
    device : torch.device
        What this process computes on.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process validates, writes and reports."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace float32 tensors by their sums over all processes; all of them travel as one."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def least(self, tensor: torch.Tensor) -> torch.Tensor:
        """Smallest value over all processes of every entry; a CPU tensor of the same shape."""
        if self.count == 1:
            return tensor
        shared = tensor.to(self.device, copy=True)
        distributed.all_reduce(shared, op=distributed.ReduceOp.MIN)
        return shared.cpu()

    def any(self, mine: bool) -> bool:
        """Whether something is so in any of the processes; the same answer in all of them."""
        return self.least(torch.tensor(0.0 if mine else 1.0)).item() == 0.0

    def from_first(self, value: Any) -> Any:
        """Plain value of the first process, in all of them."""
        if self.count == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0, device=self.device)
        return box[0]


def _check(wanted: int, count: int, device: torch.device) -> None:
    if count != wanted:
        started = f"this training was started in {count} process(es)" + (" by torchrun" if count > 1 else "")
        raise InputError(Problem("recipe", f"{wanted}, but {started}", column="training.processes"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", count))
    if device.type == "cuda" and count > 1 and torch.cuda.device_count() < local:
        found = f"{local} processes on this machine need as many GPUs, torch sees {torch.cuda.device_count()}"
        raise InputError(Problem("recipe", found, column="training.processes"))


@contextmanager
def joined(wanted: int, device: torch.device) -> Iterator[Processes]:
    """Join the other processes of a training for the length of a block.

    Parameters
    ----------
    wanted : int
        Processes that the recipe asks for; must be those that torchrun started, one without torchrun.
    device : torch.device
        GPUs are given out by ``LOCAL_RANK``.

    Raises
    ------
    InputError
        When the number of processes is another, or there are fewer GPUs than processes.
    """
    count = int(os.environ.get("WORLD_SIZE", 1))
    _check(wanted, count, device)
    if count == 1:
        yield Processes(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Processes(distributed.get_rank(), count, device)
    finally:
        distributed.destroy_process_group()
