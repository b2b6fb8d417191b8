"""Start a training in several processes through torchrun, from a job that is one process.

Inputs: a function by dotted path and its arguments as plain values, kept in ``<folder>/processes.json``. Outputs:
whatever the function writes. Run by torchrun: ``torchrun --nproc-per-node 2 -m cisflow.training.launch <file>``.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cisflow.devices import gpu_present
from cisflow.files import write_json
from cisflow.gpu_leases import lease_descriptors, lease_gpus
from cisflow.joblog import logger, start_logging
from cisflow.problems import InputError
from cisflow.registry import Registry
from cisflow.training.stop import EXIT_CODE, StoppedError, asked_to_stop

LAUNCHER = "CISFLOW_LAUNCHER"  # process whose end must end the training
WATCH_SECONDS = 2.0


def under_torchrun() -> bool:
    """Whether this process was started by torchrun."""
    return "WORLD_SIZE" in os.environ


def run_in_processes(
    function: str, arguments: Mapping[str, Any], processes: int, folder: str | Path, device: str = "cpu"
) -> None:
    """Call a function in several processes on this machine and wait for them.

    Parameters
    ----------
    function : str
        ``package.module:function``.
    arguments : mapping
        Keywords, plain values only.
    processes : int
    folder : path
        Gets ``processes.json``, removed when all went well.
    device : {"cpu", "auto", "cuda"}
        With GPUs on this machine one is leased for each process before they start (cisflow.gpu_leases).

    Raises
    ------
    RuntimeError
        When a process failed; the cause is in the log above.
    StoppedError
        When this process got SIGTERM, which is passed on; each process has ended its step and the first has saved.
    """
    if device != "cpu" and gpu_present():
        lease_gpus(device, processes)
    request = Path(folder) / "processes.json"
    files = [handler.baseFilename for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
    write_json({"function": function, "arguments": dict(arguments), "log": files[0] if files else None}, request)
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), LAUNCHER: str(os.getpid())}
    environment.setdefault("OMP_NUM_THREADS", "1")  # the function sets torch's threads itself
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "1", "--nproc-per-node", str(processes)]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command += ["-m", "cisflow.training.launch", str(request)]
    process = subprocess.Popen(command, env=environment, pass_fds=lease_descriptors())
    try:
        with asked_to_stop(process.terminate) as stop:
            status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status and stop():
        raise StoppedError(f"training in {processes} processes was asked to stop; the same command continues it")
    if status:
        raise RuntimeError(f"training in {processes} processes ended with status {status}; the cause is in the log")
    request.unlink()
    if not any(request.parent.iterdir()):
        request.parent.rmdir()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_with(process: int) -> None:
    """End this process when another is gone: a killed job must not go on training beside its successor."""

    def watch() -> None:
        while _alive(process):
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(request: str) -> None:
    """Call the function of a request in this process; the first process writes the log."""
    given = json.loads(Path(request).read_text(encoding="utf-8"))
    if LAUNCHER in os.environ:
        _end_with(int(os.environ[LAUNCHER]))
    if os.environ.get("RANK", "0") == "0":
        start_logging(given["log"])
    try:
        Registry("function").find(given["function"])(**given["arguments"])
    except InputError as error:
        logger.error("Input error: %s", error)
        sys.exit(1)
    except StoppedError as stopped:
        if os.environ.get("RANK", "0") == "0":
            logger.warning("%s", stopped)
        sys.exit(EXIT_CODE)
    except Exception:
        logger.exception("training failed")
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
