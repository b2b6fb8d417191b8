"""What the rules of the workflow ask a scheduler for, as Snakemake sees them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import CHECKOUT
from running import environment

pytestmark = pytest.mark.dag

# In a process of its own: a workflow is read into the interpreter as a whole.
ASKED = """
import sys
from pathlib import Path
from types import SimpleNamespace
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, ResourceSettings
snakefile, config, folder = map(Path, sys.argv[1:4])
given = dict(word.split("=") for word in sys.argv[4:])
settings = ResourceSettings(cores=1, overwrite_resources={"bootstrap_models": {k: int(v) for k, v in given.items()}})
with SnakemakeApi() as api:
    made = api.workflow(settings, ConfigSettings(configfiles=[config]), snakefile=snakefile, workdir=folder)
    for name in ("rank_models", "bootstrap_models", "count_reads"):
        resources = made._workflow.get_rule(name).resources
        for attempt in (1, 2):
            job = dict(input=SimpleNamespace(size_mb=1.0), threads=1, attempt=attempt)
            print(name, *(resources[r].evaluate(None, **job).value for r in ("mem_mb", "runtime")))
"""


def asked(folder, *given: str) -> dict[str, list[tuple[int, int]]]:
    """Memory (MB) and time (minutes) of the first two attempts, by rule."""
    files = [str(CHECKOUT / "Snakefile"), str(CHECKOUT / "tests" / "workflow" / "slurm.yaml"), str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", ASKED, *files, *given],
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[tuple[int, int]]] = {}
    for name, memory, minutes in (line.split() for line in done.stdout.splitlines() if line.count(" ") == 2):
        found.setdefault(name, []).append((int(memory), int(minutes)))
    return found


def test_a_second_attempt_asks_for_twice_as_much(tmp_path):
    requests = asked(tmp_path, "mem_mb=77000")
    for name in ("rank_models", "count_reads"):
        (memory, minutes), again = requests[name]
        assert memory >= 1000
        assert again == (2 * memory, 2 * minutes)
    # What the user sets stays; what not, grows.
    (first, second) = requests["bootstrap_models"]
    assert first[0] == second[0] == 77000
    assert second[1] == 2 * first[1]
