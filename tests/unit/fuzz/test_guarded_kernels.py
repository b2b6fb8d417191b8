"""Compiled loops stay inside their arrays: they run in a process whose arrays lie between forbidden pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import CHECKOUT

GUARDED = Path(__file__).with_name("guarded.py")


def run(*arguments):
    """Run Python with arguments, in a process of its own."""
    paths = os.pathsep.join([str(CHECKOUT / "scripts"), str(GUARDED.parent)])
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_the_guard_ends_a_process_that_reads_beyond():
    what = (
        "import numpy as np\nfrom guarded import guarded\nfrom cisflow.reads.words import line_end\n"
        "data = guarded(16, True)\nprint(line_end(data, 0, 16))\ndata = guarded(12, True)\n"
        "print('begun', flush=True)\nprint(line_end(data, 0, 12))\nprint('went on')"
    )
    done = run("-c", what)
    assert done.returncode == -11
    assert "begun" in done.stdout
    assert "went on" not in done.stdout


def test_damaged_reads_alignments_and_pairs_stay_inside(tmp_path):
    done = run(GUARDED, tmp_path, 150, 1)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "all inside" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_stay_inside(tmp_path, seed):
    done = run(GUARDED, tmp_path, 5000, seed)
    assert done.returncode == 0, done.stderr[-2000:]
