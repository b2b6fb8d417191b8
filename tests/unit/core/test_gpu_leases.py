"""GPUs shared out among processes; the GPUs are names in CUDA_VISIBLE_DEVICES or lines of a stand-in for nvidia-smi."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cisflow import devices, gpu_leases
from cisflow.gpu_leases import FOLDER, INHERITED, VISIBLE, Gpu, Leases, entries_of, lease_gpus, usable_gpus
from cisflow.problems import InputError

WORKER = Path(__file__).with_name("gpu_worker.py")
SMI = """#!/bin/sh
echo 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa1111)'
echo 'GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb2222)'
echo '  MIG 3g.20gb     Device  0: (UUID: MIG-cccc3333)'
echo '  MIG 3g.20gb     Device  1: (UUID: MIG-dddd4444)'
"""


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No GPU, scheduler or lease from outside; locks in the test's folder; no nvidia-smi."""
    for name in (VISIBLE, INHERITED, *gpu_leases.JOB_NUMBERS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(FOLDER, str(tmp_path / "leases"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(gpu_leases, "_leases", None)
    monkeypatch.setattr(gpu_leases, "_counted_by_torch", lambda: 0)
    (tmp_path / "bin").mkdir()
    # Set by the code under test; named here so that the values from before come back.
    monkeypatch.setenv(INHERITED, "")
    monkeypatch.delenv(INHERITED)
    return monkeypatch


@pytest.fixture
def with_smi(alone, tmp_path):
    program = tmp_path / "bin" / "nvidia-smi"
    program.write_text(SMI)
    program.chmod(0o755)
    return alone


def start(folder: Path, gpus: str, count: int = 1, turns: int = 1, seconds: str = "0.03") -> subprocess.Popen:
    environment = {**os.environ, VISIBLE: gpus, FOLDER: str(folder / "leases")}
    for name in (INHERITED, *gpu_leases.JOB_NUMBERS):
        environment.pop(name, None)
    arguments = [str(folder / "journal"), str(count), str(turns), seconds]
    return subprocess.Popen([sys.executable, str(WORKER), *arguments], env=environment, stderr=subprocess.PIPE)


def most_at_once(journal: Path) -> dict[str, int]:
    """Most processes that held each GPU at the same time."""
    now: dict[str, int] = {}
    most: dict[str, int] = {}
    for line in journal.read_text().splitlines():
        word, _, gpus = line.split()
        for gpu in gpus.split(","):
            now[gpu] = now.get(gpu, 0) + (1 if word == "begin" else -1)
            most[gpu] = max(most.get(gpu, 0), now[gpu])
    return most


def test_jobs_get_distinct_gpus_and_the_others_wait(tmp_path):
    jobs = [start(tmp_path, "0,1,2", turns=4) for _ in range(5)]
    assert [job.wait(60) for job in jobs] == [0] * 5
    journal = tmp_path / "journal"
    assert journal.read_text().count("begin") == 20
    assert most_at_once(journal) == {"0": 1, "1": 1, "2": 1}


def test_several_gpus_are_taken_all_or_none(tmp_path):
    """Of three GPUs three jobs want two each, beside one that wants one: none ends with half of what it needs."""
    jobs = [start(tmp_path, "0,1,2", count=2, turns=4, seconds="0.01") for _ in range(3)]
    jobs.append(start(tmp_path, "0,1,2", turns=8, seconds="0.01"))
    assert [job.wait(60) for job in jobs] == [0] * 4
    assert set(most_at_once(tmp_path / "journal").values()) == {1}


def test_lease_of_a_killed_job_is_free_at_once(tmp_path):
    holder = start(tmp_path, "0", seconds="forever")
    while not (tmp_path / "journal.held").exists():
        assert holder.poll() is None, holder.stderr.read()
        time.sleep(0.02)
    leases = Leases(tmp_path / "leases")
    gpu = Gpu("0", "0")
    assert leases.try_all([gpu], 1) == []
    assert leases.holders([gpu])[0].startswith(f"0: process {holder.pid} since 20")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stderr.close()
    assert leases.try_all([gpu], 1) == [gpu]


def test_a_forked_process_keeps_no_lease(tmp_path):
    leases = Leases(tmp_path)
    gpu = Gpu("0", "0")
    assert leases.try_all([gpu], 1) == [gpu]
    fork = multiprocessing.get_context("fork")
    started, end = fork.Event(), fork.Event()
    child = fork.Process(target=lambda: (started.set(), end.wait()))
    child.start()
    try:
        assert started.wait(60)
        leases.release()
        assert Leases(tmp_path).try_all([gpu], 1) == [gpu]
    finally:
        end.set()
        child.join()


def test_what_cuda_makes_of_the_variable():
    assert entries_of("2,0") == ["2", "0"]
    assert entries_of("0,-1,1") == ["0"]
    assert entries_of("") == entries_of("NoDevFiles") == []
    assert entries_of("GPU-aaaa, MIG-bbbb") == ["GPU-aaaa", "MIG-bbbb"]


def test_all_gpus_of_the_machine_unless_something_is_set(with_smi):
    assert [gpu.entry for gpu in usable_gpus()] == ["GPU-aaaa1111", "MIG-cccc3333", "MIG-dddd4444"]
    with_smi.setenv(VISIBLE, "0")
    assert usable_gpus() == [Gpu("0", "GPU-aaaa1111")]
    with_smi.setenv(VISIBLE, "GPU-aaaa")
    assert usable_gpus() == [Gpu("GPU-aaaa", "GPU-aaaa1111")]


def test_gpus_of_a_scheduler_are_numbered_by_job(alone):
    """With cgroups the first GPU of every job is number 0: two jobs must not wait for each other."""
    alone.setenv(VISIBLE, "0,1")
    alone.setenv("SLURM_JOB_ID", "17")
    assert [gpu.key for gpu in usable_gpus()] == ["job-17.0", "job-17.1"]
    alone.setenv("SLURM_JOB_ID", "18")
    assert usable_gpus()[0].key == "job-18.0"


def test_a_job_shows_itself_only_what_it_leased(alone, tmp_path):
    alone.setenv(VISIBLE, "3,5")
    other = Leases(tmp_path / "leases")
    other.try_all([Gpu("3", "3")], 1)
    assert lease_gpus("cuda") == 1
    assert os.environ[VISIBLE] == "5"
    assert lease_gpus("cuda") == 1  # again, or in a process that it starts: no further one, no waiting
    assert len(gpu_leases.lease_descriptors()) == 1


def test_more_gpus_than_there_are(alone):
    alone.setenv(VISIBLE, "3")
    with pytest.raises(
        InputError, match=r"needs 2 GPU\(s\) and may use 1 on this machine \(CUDA_VISIBLE_DEVICES='3'\)"
    ):
        lease_gpus("cuda", 2)
    alone.setenv(VISIBLE, "")
    with pytest.raises(InputError, match=r"needs 1 GPU\(s\) and may use 0"):
        lease_gpus("cuda")
    assert lease_gpus("auto") == 0


def test_leases_can_be_turned_off(alone, tmp_path):
    alone.setenv(VISIBLE, "3")
    alone.setenv(FOLDER, "none")
    assert lease_gpus("cuda") == 1
    assert os.environ[VISIBLE] == "3"
    assert not (tmp_path / "leases").exists()


def test_a_device_is_chosen_among_what_is_free(alone, tmp_path, monkeypatch):
    """The door of all rules and commands: the lease comes before torch is asked."""
    alone.setenv(VISIBLE, "0,1")
    monkeypatch.setattr(devices, "gpu_present", lambda: True)
    Leases(tmp_path / "leases").try_all([Gpu("0", "0")], 1)
    devices.choose_device("cpu")
    assert os.environ[VISIBLE] == "0,1"
    devices.choose_device("auto")
    assert os.environ[VISIBLE] == "1"


def test_processes_of_a_training_keep_its_gpus(alone, tmp_path, monkeypatch):
    """One lease for each process before they start; it lives as long as any of them should their parent be killed."""
    from cisflow.training import launch

    alone.setenv(VISIBLE, "0,1,2")
    monkeypatch.setattr(launch, "gpu_present", lambda: True)
    given: dict = {}

    class Started:
        def __init__(self, command, env, pass_fds):
            given.update(env=env, pass_fds=pass_fds)

        def wait(self):
            return 0

        def terminate(self):
            """As of a process that has ended."""

    monkeypatch.setattr(launch, "subprocess", SimpleNamespace(Popen=Started))
    launch.run_in_processes("cisflow.any:thing", {}, 2, tmp_path / "state", "cuda")
    assert given["env"][VISIBLE] == given["env"][INHERITED] == "0,1"
    assert list(given["pass_fds"]) == gpu_leases.lease_descriptors()
    assert len(given["pass_fds"]) == 2
