"""Runs that something breaks: nothing half-written under a final name, a clear word, the same tables in the end.

The run is a small one from FASTQ files to scores (faults.yaml). Each fault is declared beside its test; docs/faults.md
is written from these declarations (``python tests/faults.py``).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from cisflow.made import DamagedError
from cisflow.run_manifest import record_run, verify_run
from cisflow.simulate.library import sequence_library, simulate_library
from conftest import CHECKOUT
from faults import DOCUMENT, Fault, declared, document
from running import snakemake, started, tables

pytestmark = pytest.mark.dag

BINS = ("low", "high")
TARGET = "results/faults/evaluation/data/scores.tsv"
ROOT = "results/faults"
TRAINED = f"{ROOT}/models/data/dream_cnn/seed1"
LAST = ("predictions", "evaluation")
#: Seconds; on a busy machine a run of half a minute takes long.
WAIT = 1200.0


def arguments(reads: Path, *overlays: Path) -> list[str]:
    """Arguments of Snakemake for a run on reads, with settings of its own."""
    config = CHECKOUT / "tests" / "workflow" / "faults.yaml"
    return ["--cores", "2", "--configfile", *map(str, [config, *overlays]), "--config", f"data_dir={reads}"]


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing disturbed: its folder, the folder of its reads and its tables."""

    folder: Path
    reads: Path
    tables: dict[str, bytes]

    def run(self, folder: Path, *more: str) -> tuple[int, str]:
        """Run the same in a folder."""
        return snakemake(folder, *arguments(self.reads), *more, "--", TARGET, timeout=WAIT)

    def start(self, folder: Path, *overlays: Path) -> subprocess.Popen:
        """Start the same in a folder and go on; what is printed goes to ``printed``."""
        return started(folder, folder / "printed", *arguments(self.reads, *overlays), "--", TARGET)

    def copy(self, folder: Path, *without: str) -> None:
        """Copy the finished run, without some of its folders or files (paths below ``results/faults``)."""
        for part in ("results", ".snakemake/metadata"):
            shutil.copytree(self.folder / part, folder / part, copy_function=shutil.copy2, dirs_exist_ok=True)
        for name in without:
            lost = folder / ROOT / name
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()

    def nothing_half_written(self, folder: Path) -> None:
        """Assert that every file under a final name is that of the undisturbed run."""
        assert [name for name, data in tables(folder).items() if self.tables.get(name) != data] == []

    def ends(self, folder: Path, *more: str) -> str:
        """Run to the end and assert that all tables are those of the undisturbed run; returns what was printed."""
        code, text = self.run(folder, *more)
        assert code == 0, text[-6000:]
        assert tables(folder) == self.tables
        assert not list((folder / ROOT).rglob(".*.partial.*"))
        return text


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    """The run of faults.yaml on reads of 400 simulated promoters."""
    inputs, folder = tmp_path_factory.mktemp("reads"), tmp_path_factory.mktemp("undisturbed")
    bins = [
        {"bin": name, "role": "sorted", "position": i, "lower_quantile": i / 2, "upper_quantile": (i + 1) / 2}
        for i, name in enumerate(BINS)
    ]
    flanks = {"distal": "TGCATTTTTTTCACATC", "proximal": "GGTTACGGCTGTT"}
    simulation = {"promoters": 400, "reads_per_element": 10, "cells_per_element": 20, "cell_noise": 1.5}
    made = simulate_library("library", "random", 5, flanks, bins, simulation)
    files = [[inputs / f"{name}_R{read}.fastq.gz" for name in BINS] for read in (1, 2)]
    sequence_library(made.truth, made.bin_reads, *files, library="library", seed=5, substitution_error=0.001)
    code, text = snakemake(folder, *arguments(inputs), "--", TARGET)
    assert code == 0, text[-6000:]
    return Undisturbed(folder, inputs, tables(folder))


def wait_for(found: Callable[[], object], process: subprocess.Popen | None = None) -> object:
    """Wait until something is there; with a process, no longer than it runs."""
    deadline = time.monotonic() + WAIT
    while not (value := found()):
        assert process is None or process.poll() is None, "the run ended before it could be disturbed"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return value


def job_processes(process: subprocess.Popen) -> list[psutil.Process]:
    """Processes of running jobs: their scripts and the programs that these have started."""
    found: dict[int, psutil.Process] = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if any("/.snakemake/scripts/" in word for word in child.cmdline()) and "python" in child.name():
                found |= {one.pid: one for one in (child, *child.children(recursive=True))}
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def printed(folder: Path) -> str:
    return (folder / "printed").read_text(errors="replace")


KILLED_JOB = Fault(
    "a job is killed (SIGKILL, as by the kernel when memory runs out)",
    "the job fails, jobs that do not need it go on, and the run ends with exit code 1",
    ("Error in rule", "Exiting because a job execution failed"),
    "the same command; a training continues from its last saved state",
    "20 moments drawn at random, a process of the running jobs drawn at random at each; 3 of them in CI",
)


def kill_one(process: subprocess.Popen, seed: int, jobs: int) -> str:
    """Kill a process of a job at a moment that the seed decides, within two seconds after the start of a job.

    Before that job come fewer than ``jobs`` others, as the seed decides.
    """
    rng = np.random.default_rng(seed)
    before, seconds = int(rng.integers(jobs)), rng.uniform(0, 2)
    seen: set[int] = set()

    def enough() -> bool:
        seen.update(one.pid for one in job_processes(process) if "python" in one.name())
        return len(seen) > before

    wait_for(enough, process)
    time.sleep(seconds)
    while True:
        victim = rng.choice(wait_for(lambda: job_processes(process), process))
        try:
            said = " ".join(victim.cmdline())
            victim.kill()
            return said
        except psutil.NoSuchProcess:
            continue


def kill_a_job(undisturbed: Undisturbed, folder: Path, seed: int, jobs: int) -> str:
    process = undisturbed.start(folder)
    killed = kill_one(process, seed, jobs)
    assert process.wait(WAIT) == 1, printed(folder)[-6000:]
    KILLED_JOB.told(printed(folder))
    undisturbed.nothing_half_written(folder)
    return killed


def test_jobs_killed_one_after_the_other(undisturbed, tmp_path):
    """Three kills on the way of one run of nine jobs: what each leaves is what the next attempt begins with."""
    for seed in range(3):
        kill_a_job(undisturbed, tmp_path, seed, jobs=2)
    undisturbed.ends(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 20))
def test_job_killed_at_a_random_moment(undisturbed, tmp_path, seed):
    kill_a_job(undisturbed, tmp_path, seed, jobs=6)
    undisturbed.ends(tmp_path)


TIME_LIMIT = Fault(
    "the time limit of a batch system, or a shutdown (SIGTERM to all processes, then SIGKILL)",
    "a training finishes its step, saves its state and ends with exit code 143; other jobs end at once",
    ("asked to stop; the state after step", "the same command continues from there"),
    "the same command: the training continues at the step that was named",
    "SIGTERM in mid-training, states otherwise saved after each epoch alone",
)


def test_training_asked_to_stop_saves_and_continues(undisturbed, tmp_path):
    undisturbed.copy(tmp_path, "models", *LAST)
    rarely = tmp_path / "rarely.yaml"
    rarely.write_text("training: {save_every_seconds: 1000}\n")
    process = undisturbed.start(tmp_path, rarely)
    state = tmp_path / "state/faults/data/dream_cnn/seed1"
    wait_for(lambda: any(state.rglob("state.pt")), process)
    for job in job_processes(process):
        job.terminate()
    assert process.wait(WAIT) == 1
    TIME_LIMIT.told(printed(tmp_path))
    undisturbed.nothing_half_written(tmp_path)
    assert not (tmp_path / TRAINED).exists() or not list((tmp_path / TRAINED).iterdir())
    step = re.search(r"the state after step (\d+) of", printed(tmp_path))[1]
    text = undisturbed.ends(tmp_path)
    assert f"continue at step {step} of" in text


KILLED_SNAKEMAKE = Fault(
    "Snakemake itself is killed (SIGKILL)",
    "the jobs that were running go on to their end; the folder stays locked",
    ("Directory cannot be locked", "It can be removed with the --unlock argument"),
    "`snakemake --unlock`, then the same command",
    "SIGKILL of Snakemake alone while a job runs",
)


def test_snakemake_killed(undisturbed, tmp_path):
    undisturbed.copy(tmp_path, "models", *LAST)
    process = undisturbed.start(tmp_path)
    jobs = wait_for(lambda: job_processes(process), process)
    process.kill()
    process.wait()
    undisturbed.nothing_half_written(tmp_path)
    code, text = undisturbed.run(tmp_path)
    assert code == 1
    KILLED_SNAKEMAKE.told(text)
    undisturbed.nothing_half_written(tmp_path)
    psutil.wait_procs(jobs, WAIT)
    undisturbed.nothing_half_written(tmp_path)
    assert undisturbed.run(tmp_path, "--unlock")[0] == 0
    undisturbed.ends(tmp_path)


TWO_RUNS = Fault(
    "two runs are started in one folder",
    "the second ends at once with exit code 1 and touches nothing; the first goes on",
    ("Directory cannot be locked", "make sure that no other Snakemake process is trying to create the same files"),
    "nothing to mend; start the second in another folder (`--directory`), or later",
    "a second run in mid-training of the first",
)
KILLED_ALL = Fault(
    "everything is killed at once (SIGKILL of Snakemake and all jobs, as by a power cut)",
    "the folder stays locked; unfinished files stay under hidden names, which the next attempt removes",
    ("Directory cannot be locked", "the remaining lock was likely caused by a kill signal or a power loss"),
    "`snakemake --unlock`, then the same command; a training continues from its last saved state",
    "SIGKILL of the process group in mid-training",
)


def test_two_runs_in_one_folder_and_everything_killed(undisturbed, tmp_path):
    undisturbed.copy(tmp_path, "models", *LAST)
    first = undisturbed.start(tmp_path)
    state = tmp_path / "state/faults/data/dream_cnn/seed1"
    wait_for(lambda: any(state.rglob("state.pt")), first)
    os.killpg(first.pid, signal.SIGSTOP)  # the training must not end before the second run has looked
    code, text = undisturbed.run(tmp_path)
    assert code == 1
    TWO_RUNS.told(" ".join(text.split()))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    left = tmp_path / TRAINED / ".1.partial.weights.safetensors"  # as of a job killed while it writes
    left.write_bytes(b"half")
    undisturbed.nothing_half_written(tmp_path)
    KILLED_ALL.told(" ".join(undisturbed.run(tmp_path)[1].split()))
    assert undisturbed.run(tmp_path, "--unlock")[0] == 0
    assert "continue at step" in undisturbed.ends(tmp_path)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system in memory at a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here (needs root): {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


FULL = Fault(
    "the disk is full",
    "the job that writes fails, and leaves nothing",
    ("no space left", "MB free of", "Free some and run the same command again"),
    "free some space, then the same command",
    "the results on a file system in memory with room for little more than what is there; skipped without root",
)


def test_full_disk(undisturbed, tmp_path):
    results = tmp_path / "results"
    with mounted(results, "-o", "size=64m"):
        undisturbed.copy(tmp_path, "clusters", "expression", "datasets", "models", *LAST)
        filler, free = results / "filler", shutil.disk_usage(results).free
        filler.write_bytes(bytes(free - 40_000))
        code, text = undisturbed.run(tmp_path)
        assert code == 1
        FULL.told(text)
        assert "Traceback" not in text
        filler.unlink()
        undisturbed.nothing_half_written(tmp_path)
        undisturbed.ends(tmp_path)


READ_ONLY = Fault(
    "the results folder is read-only",
    "the run ends before its first job",
    ("results/faults: the file system", "is read-only", "--directory"),
    "mount it for writing, then the same command",
    "a file system in memory mounted read-only at the results; skipped without root",
)


def test_read_only_results(undisturbed, tmp_path):
    results = tmp_path / "results"
    with mounted(results):
        undisturbed.copy(tmp_path, *LAST)
        remount(results, "ro")
        code, text = undisturbed.run(tmp_path)
        assert code == 1
        READ_ONLY.told(text)
        assert "Traceback" not in text
        undisturbed.nothing_half_written(tmp_path)
        remount(results, "rw")
        undisturbed.ends(tmp_path)


DAMAGED = Fault(
    "an intermediate file is truncated or otherwise damaged, its time unchanged",
    "the next job that reads it compares size and SHA-256 with what was written, and fails; without such a job "
    "`cisflow verify` tells",
    ("damaged or changed since it was made:", "results/faults/predictions/data/dream_cnn.parquet", "Delete the file"),
    "delete the file, then the same command",
    "one byte of the predictions changed, and their second half cut off",
)


@pytest.mark.parametrize("kind", ["changed", "truncated"])
def test_damaged_intermediate_is_told(undisturbed, tmp_path, kind):
    undisturbed.copy(tmp_path, "evaluation")
    file = tmp_path / ROOT / "predictions" / "data" / "dream_cnn.parquet"
    about, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data if kind == "changed" else data[: len(data) // 2])
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    code, text = undisturbed.run(tmp_path)
    assert code == 1
    DAMAGED.told(text)
    assert "Traceback" not in text
    assert not (tmp_path / TARGET).exists()
    if kind == "changed":  # the same cure as after a truncation
        return
    file.unlink()
    undisturbed.nothing_half_written(tmp_path)
    undisturbed.ends(tmp_path)


def test_damage_after_the_last_job_is_told_by_verify(undisturbed, tmp_path, monkeypatch):
    undisturbed.copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    record_run(ROOT, seed=5, command=None, packages={}, code="")
    assert set(verify_run(ROOT, "")["file"]) == set()
    Path(TARGET).write_text(Path(TARGET).read_text()[:-9])
    found = verify_run(ROOT, "")
    assert found[["file", "state"]].values.tolist() == [["evaluation/data/scores.tsv", "changed"]]
    with pytest.raises(DamagedError, match=r"scores.tsv: [\d,]+ bytes, its job wrote"):
        record_run(ROOT, seed=5, command=None, packages={}, code="")


CLOCK = Fault(
    "the clock jumps back by an hour, or that of another machine is an hour ahead",
    "files of the run that are dated in the future are dated now, in the same order, so that nothing counts "
    "as outdated",
    ("files were dated in the future; they are dated now, in the same order",),
    "nothing to mend; the next run does nothing",
    "the dataset, the model and the predictions dated an hour ahead, then the rest of the run",
)


def test_clock_set_back(undisturbed, tmp_path):
    undisturbed.copy(tmp_path, "evaluation")
    for folder in ("datasets", "models", "predictions"):
        for file in (tmp_path / ROOT / folder).rglob("*.*"):
            ahead = file.stat().st_mtime_ns + 3_600_000_000_000
            os.utime(file, ns=(ahead, ahead))
    CLOCK.told(undisturbed.ends(tmp_path))
    assert "Nothing to be done" in undisturbed.run(tmp_path, "-n")[1]


def test_table_of_faults_is_written_from_the_tests():
    assert DOCUMENT.read_text(encoding="utf-8") == document(declared()), "run: python tests/faults.py"
