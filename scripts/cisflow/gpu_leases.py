"""GPUs shared out among the jobs of one machine: every job its own, the others wait.

Purpose: two jobs on a workstation must not fall onto the same GPU because both take the first one. A job takes a lease
(a lock on a file named after the GPU) on as many GPUs as it needs, all or none, and shows itself only those in
``CUDA_VISIBLE_DEVICES``. The kernel drops the lock when the process ends, however it ends: a lease of a dead process is
free at once. Inputs: ``CUDA_VISIBLE_DEVICES`` as a scheduler or the user set it, else all GPUs of the machine.
Outputs: the environment of this process and of the processes that it starts.

Inside a job of Slurm, PBS, LSF or SGE that was given GPUs, their numbers mean something within that job only (with
cgroups every job's first GPU is number 0); leases there hold among the processes of the job.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: Where the locks lie; ``none``: no leases, jobs share GPUs as they come.
FOLDER = "CISFLOW_GPU_LEASES"
#: What an ancestor of this process has leased for it.
INHERITED = "CISFLOW_GPUS_LEASED"
#: One place for all users and jobs: TMPDIR, which tempfile follows, may differ from job to job.
DEFAULT_FOLDER = "/tmp/cisflow-gpus"
#: The number of the job by scheduler: Slurm, PBS, LSF, SGE.
JOB_NUMBERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")
POLL_SECONDS = 2.0
TELL_SECONDS = 300.0

_LISTED = re.compile(r"^(GPU \d+|[ \t]+MIG .*): .*\(UUID: ([^)]+)\)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Gpu:
    """A GPU that this process may use.

    Attributes
    ----------
    entry : str
        What CUDA is told: a number, or the identifier of a GPU or of a slice of one.
    key : str
        Name of its lock, the same for all processes that mean this GPU.
    """

    entry: str
    key: str


def entries_of(value: str) -> list[str]:
    """Entries of ``CUDA_VISIBLE_DEVICES`` as CUDA reads them: up to the first that names no device."""
    found: list[str] = []
    for entry in value.split(","):
        entry = entry.strip()
        if not re.fullmatch(r"\d+|(GPU|MIG)-\S+", entry):
            break
        found.append(entry)
    return found


def listed_gpus() -> list[str]:
    """Identifiers of the GPUs of this machine by ``nvidia-smi -L``, in the order of the PCI bus; empty without it.

    A GPU that is cut into slices is given by its slices.
    """
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found: list[list[str]] = []
    for kind, identifier in _LISTED.findall(done.stdout) if done.returncode == 0 else []:
        if kind.startswith("GPU"):
            found.append([identifier])
        elif found:
            found[-1].append(identifier)
    return [name for gpu in found for name in (gpu[1:] or gpu)]


def _counted_by_torch() -> int:
    """GPUs that torch sees, asked in a process of its own: counting here could fix the choice for this process."""
    code = "import torch; print(torch.cuda.device_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0) if done.returncode == 0 else 0


def usable_gpus(environment: Mapping[str, str] | None = None) -> list[Gpu]:
    """GPUs that this process may use, in the order in which it prefers them.

    Parameters
    ----------
    environment : mapping, optional
        Environment variables; those of this process by default.
    """
    environment = os.environ if environment is None else environment
    given = environment.get(VISIBLE)
    if given is None:
        listed = listed_gpus()
        entries = listed or [str(number) for number in range(_counted_by_torch())]
        return [Gpu(entry, entry) for entry in entries]
    entries = entries_of(given)
    numbers = [name for name in JOB_NUMBERS if environment.get(name)]
    if numbers:
        job = environment[numbers[0]]
        return [Gpu(entry, f"job-{job}.{entry}") for entry in entries]
    listed = listed_gpus() if entries else []
    return [Gpu(entry, _full_name(entry, listed)) for entry in entries]


def _full_name(entry: str, listed: Sequence[str]) -> str:
    """Identifier of the GPU that a number or a beginning of an identifier means, where the machine lists it."""
    if entry.isdigit():
        return listed[int(entry)] if int(entry) < len(listed) else entry
    matching = [name for name in listed if name.startswith(entry)]
    return matching[0] if len(matching) == 1 else entry


class Leases:
    """GPUs that this process holds.

    Parameters
    ----------
    folder : path
        Where the locks lie; made when missing, open to all users of the machine.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.held: dict[Gpu, int] = {}
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A forked child (a loader process) must not keep a lease alive: its copies of the locks are closed."""
        for descriptor in self.held.values():
            os.close(descriptor)
        self.held = {}

    def _open(self, name: str) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.folder.stat().st_uid == os.getuid():
            self.folder.chmod(0o1777)
        path = self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.lock"
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        for _ in range(2):
            # Opened before it is made: kernels refuse to "make" a file of another user in a folder open to all.
            try:
                return os.open(path, flags)
            except FileNotFoundError:
                try:
                    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL)
                    os.fchmod(descriptor, 0o666)
                    return descriptor
                except FileExistsError:
                    continue
        return os.open(path, flags)

    def _try_one(self, gpu: Gpu) -> bool:
        descriptor = self._open(gpu.key)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.held[gpu] = descriptor
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        return True

    def try_all(self, gpus: Sequence[Gpu], count: int) -> list[Gpu]:
        """Take ``count`` of the given GPUs if so many are free, else none of them; returns those taken."""
        # One process chooses at a time: two that need two GPUs each must not end with one each.
        turn = self._open("turn")
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            taken: list[Gpu] = []
            for gpu in gpus:
                if len(taken) < count and self._try_one(gpu):
                    taken.append(gpu)
            if len(taken) < count:
                self.release(taken)
                return []
            return taken
        finally:
            os.close(turn)

    def release(self, gpus: Sequence[Gpu] | None = None) -> None:
        """Give leases back; all by default."""
        for gpu in list(self.held) if gpus is None else gpus:
            os.close(self.held.pop(gpu))

    def holders(self, gpus: Sequence[Gpu]) -> list[str]:
        """Who holds each of the given GPUs, for messages."""
        lines = []
        for gpu in gpus:
            descriptor = self._open(gpu.key)
            try:
                holder: dict[str, Any] = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
                lines.append(f"{gpu.entry}: process {holder['pid']} since {holder['since']}")
            except (ValueError, KeyError):
                lines.append(f"{gpu.entry}: unknown")
            finally:
                os.close(descriptor)
        return lines

    def wait_for(self, gpus: Sequence[Gpu], count: int) -> list[Gpu]:
        """Take ``count`` of the given GPUs, waiting until so many are free; says once in a while that it waits."""
        told = -TELL_SECONDS
        while not (taken := self.try_all(gpus, count)):
            if time.monotonic() - told >= TELL_SECONDS:
                logger.info("waiting for %d GPU(s); held: %s", count, "; ".join(self.holders(gpus)))
                told = time.monotonic()
            time.sleep(POLL_SECONDS)
        return taken


_leases: Leases | None = None


def lease_gpus(wanted: str, count: int = 1) -> int:
    """Take GPUs for this process and show it only those; must come before torch uses a GPU.

    Called again in the same process, or in one started by it, it takes no further ones.

    Parameters
    ----------
    wanted : {"auto", "cuda"}
        ``auto`` takes none on a machine without GPUs, and waits for its turn on one with GPUs as ``cuda`` does.
    count : int
        GPUs wanted at once (processes of a training).

    Returns
    -------
    int
        GPUs taken; 0 with ``auto`` where this process may use none.

    Raises
    ------
    InputError
        When this process may use fewer GPUs than it needs.
    """
    global _leases
    inherited = os.environ.get(INHERITED)
    if inherited is not None and inherited == os.environ.get(VISIBLE):
        return len(entries_of(inherited))
    gpus = usable_gpus()
    if not gpus and wanted == "auto":
        return 0
    if len(gpus) < count:
        limit = f" ({VISIBLE}={os.environ[VISIBLE]!r})" if VISIBLE in os.environ else ""
        found = f"this job needs {count} GPU(s) and may use {len(gpus)} on this machine{limit}"
        hint = "use 'cpu', or run on a node with more GPUs"
        raise InputError(Problem("config", f"{wanted!r} asked for, but {found}; {hint}", column="device"))
    folder = os.environ.get(FOLDER, DEFAULT_FOLDER)
    if folder == "none":
        return len(gpus)
    _leases = _leases or Leases(folder)
    taken = _leases.wait_for(gpus, count)
    os.environ[VISIBLE] = os.environ[INHERITED] = ",".join(gpu.entry for gpu in taken)
    logger.info("leased GPU(s): %s", os.environ[VISIBLE])
    return len(taken)


def lease_descriptors() -> list[int]:
    """Open files that hold this process's leases; a child that gets them keeps the GPUs should this process die."""
    return list(_leases.held.values()) if _leases else []
