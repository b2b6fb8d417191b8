"""A plan made in a process of its own: a Snakemake that is running cannot plan again beside itself.

Inputs: the config of the run that is going on. Outputs: the text of its plan on the screen and in the log of the rule.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cisflow.files import write_json
from cisflow.problems import InputError, Problem


def print_plan(config: Mapping[str, Any], cores: int, log: str | Path) -> None:
    """Print the plan of a run in the working folder, and add it to a log.

    Parameters
    ----------
    config : mapping
        The whole config.
    cores : int
        Cores that jobs may use together.
    log : path

    Raises
    ------
    InputError
        What ``cisflow plan`` said when it failed.
    """
    library = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.json"
        write_json(config, settings)
        done = subprocess.run(
            [sys.executable, "-m", "cisflow", "plan", "--configfile", str(settings), "--cores", str(cores)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([library, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise InputError(Problem("plan", done.stderr.strip()))
    print(done.stdout, flush=True)
    with open(log, "a", encoding="utf-8") as file:
        file.write(done.stdout)
