"""A real Slurm of two nodes on this machine, for tests: munge, slurmctld and two slurmd, ports and paths of their own.

Needs root and Debian's packages slurm-wlm and munge (``make tools`` brings them). Several of these clusters can run
beside each other and beside a Slurm of the machine: everything lies in one temporary folder, and the programs are
called through wrappers that name its configuration. (Wrappers rather than the variable SLURM_CONF alone, because the
job step of the executor plugin drops all variables of Slurm before it calls srun.)
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1  # of prctl: a signal for this process when its parent ends

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "scancel", "squeue", "sinfo", "scontrol", "sacct", "sacctmgr")
NODES = ("n1", "n2")
CPUS, MEMORY_MB = 4, 32000  # of each node, whatever the machine has
GPUS = 2  # pretended, all on the second node

CONFIG = """
ClusterName=cisflow
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={top}/munge/socket
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory,CR_LLN
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=30
MinJobAge=600
KillWait=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
StateSaveLocation={top}/state
SlurmdSpoolDir={top}/spool/%n
SlurmctldPidFile={top}/run/slurmctld.pid
SlurmdPidFile={top}/run/slurmd.%n.pid
SlurmctldLogFile={top}/log/slurmctld.log
SlurmdLogFile={top}/log/slurmd.%n.log
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port_n1} CPUs={cpus} RealMemory={memory}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port_n2} CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus}
PartitionName=cpu Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n2 MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why no Slurm can be started here; empty where it can."""
    if os.geteuid() != 0:
        return "a Slurm of the tests' own needs root"
    missing = [name for name in (*DAEMONS, "sbatch", "srun") if not _program(name)]
    return f"not installed: {', '.join(missing)} (Debian: apt-get install slurm-wlm munge)" if missing else ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _end_with_parent() -> None:
    """No daemon outlives tests that were killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Cluster:
    """A running Slurm; made by :func:`cluster`."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.daemons: dict[str, subprocess.Popen] = {}
        self.numbers_gpus = True  # whether jobs are told which GPUs are theirs

    @property
    def bin(self) -> Path:
        """Folder of the wrappers, to be first in PATH."""
        return self.top / "bin"

    def client(self, *command: str) -> str:
        """Output of a client program."""
        done = subprocess.run([self.bin / command[0], *command[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def configure(self) -> None:
        """Write configuration, key and wrappers."""
        for name in ("etc", "munge", "bin", "state", "log", "run", *(f"spool/{node}" for node in NODES)):
            (self.top / name).mkdir(parents=True)
        ports = dict(zip(("controller_port", "port_n1", "port_n2"), _free_ports(3), strict=True))
        text = CONFIG.format(top=self.top, host=socket.gethostname(), gpus=GPUS, cpus=CPUS, memory=MEMORY_MB, **ports)
        (self.top / "etc" / "slurm.conf").write_text(text)
        for number in range(GPUS):
            # Of the kind of /dev/null: jobs are told the numbers of device files only.
            try:
                os.mknod(self.top / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            except PermissionError:
                (self.top / f"gpu{number}").touch()
                self.numbers_gpus = False
        gres = f"NodeName=n2 Name=gpu File={self.top}/gpu[0-{GPUS - 1}]\n"
        (self.top / "etc" / "gres.conf").write_text(gres)
        key = self.top / "munge" / "key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        for name in CLIENTS:
            wrapper = self.bin / name
            wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.top}/etc/slurm.conf exec {_program(name)} "$@"\n')
            wrapper.chmod(0o755)

    def _start(self, name: str, *command: str) -> None:
        environment = os.environ | {"SLURM_CONF": str(self.top / "etc" / "slurm.conf")}
        with (self.top / "log" / f"{name}.out").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                [_program(command[0]), *command[1:]],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._start(node, "slurmd", "-D", "-N", node)

    def start(self) -> None:
        """Start all daemons and wait until both nodes take jobs."""
        munge = self.top / "munge"
        paths = [f"--{name}-file={munge / name}" for name in ("key", "log", "pid", "seed")]
        self._start("munged", "munged", "--foreground", "--force", f"--socket={munge / 'socket'}", *paths)
        self.wait_until(lambda: (munge / "socket").exists(), "munge did not start")
        self._start("slurmctld", "slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        self.wait_until(lambda: self.states() == dict.fromkeys(NODES, "idle"), "nodes did not become idle")

    def states(self) -> dict[str, str]:
        """State of each node; empty while the controller does not answer."""
        done = subprocess.run(
            [self.bin / "sinfo", "-h", "-N", "-p", "cpu", "-o", "%N %T"], capture_output=True, text=True, check=False
        )
        return dict(line.split() for line in done.stdout.splitlines()) if done.returncode == 0 else {}

    def wait_until(self, condition, otherwise: str, seconds: float = 120) -> None:
        """Wait for a condition; with the ends of all logs when it does not come."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{otherwise}\n{self.logs()}"
            ended = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            assert not ended, f"{otherwise}: {', '.join(ended)} ended\n{self.logs()}"
            time.sleep(0.2)

    def logs(self, lines: int = 25) -> str:
        """Last lines of the logs of all daemons."""
        paths = [*sorted((self.top / "log").iterdir()), self.top / "munge" / "log"]
        texts = {path.name: path.read_text(errors="replace").splitlines() for path in paths if path.exists()}
        return "\n".join(f"--- {name}\n" + "\n".join(text[-lines:]) for name, text in texts.items())

    def processes(self) -> list[int]:
        """Processes of this cluster and of its jobs: those that carry its folder in command line or environment."""
        mark = os.fsencode(self.top) + b"/"
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                text = (entry / "environ").read_bytes() + b"\0" + (entry / "cmdline").read_bytes()
                if mark in text:
                    found.append(int(entry.name))
        return found

    def kill_node(self, node: str) -> None:
        """End a node as a power cut does: its daemon and all processes of its jobs, without warning."""
        lost = self.daemons.pop(node)
        lost.kill()
        lost.wait()
        managers = self._managers_of(node)  # before their jobs: none may live to tell the controller
        for process in managers + self._jobs_of(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _managers_of(self, node: str) -> list[int]:
        """Processes that look after the jobs of a node (slurmstepd): they write into its log."""
        log, found = f"{self.top}/log/slurmd.{node}.log", []
        for process in self.processes():
            with contextlib.suppress(OSError):
                if log in [os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir()]:
                    found.append(process)
        return found

    def _jobs_of(self, node: str) -> list[int]:
        found = []
        for process in self.processes():
            with contextlib.suppress(OSError):
                if f"SLURMD_NODENAME={node}\0".encode() in Path(f"/proc/{process}/environ").read_bytes():
                    found.append(process)
        return found

    def stop(self) -> None:
        """End jobs and daemons, whatever state they are in."""
        if "slurmctld" in self.daemons and self.daemons["slurmctld"].poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run([self.bin / "scancel", "-u", "root"], capture_output=True, check=False, timeout=20)
        for name in (*NODES, "slurmctld", "munged"):
            if name in self.daemons and self.daemons[name].poll() is None:
                self.daemons[name].terminate()
                try:
                    self.daemons[name].wait(10)
                except subprocess.TimeoutExpired:
                    self.daemons[name].kill()
                    self.daemons[name].wait()
        deadline = time.monotonic() + 5
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A Slurm for the length of a block."""
    top = Path(tempfile.mkdtemp(prefix="cisflow-slurm-", dir="/tmp"))
    top.chmod(0o755)
    made = Cluster(top)
    try:
        made.configure()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(top, ignore_errors=True)
