"""Full and read-only disks, damaged files, files of killed jobs, clocks: what is said and what is done about each."""

from __future__ import annotations

import errno
import os
import time
import types
from pathlib import Path

import pytest

from cisflow import made, storage
from cisflow.clock import date_back, date_back_inputs
from cisflow.files import atomic_path, remove_partial, write_text
from cisflow.joblog import job
from cisflow.problems import InputError
from cisflow.storage import StorageError, storage_problem, unwritable
from cisflow.training.stop import StoppedError


@pytest.fixture
def in_run(tmp_path, monkeypatch):
    """Working folder of a run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rule(**given):
    """The job object of a rule."""
    return types.SimpleNamespace(**{"log": [], "input": [], "output": [], "rule": "some_rule"} | given)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no space left"),
        (ValueError("file write failed: No space left on device (os error 28)"), "no space left"),
        (OSError(errno.EROFS, "Read-only file system"), "is read-only"),
        (RuntimeError("Unable to open: errno = 30"), "is read-only"),
    ],
)
def test_errors_of_the_disk_name_the_file_and_leave_nothing(tmp_path, error, says):
    target = tmp_path / "table.parquet"
    with pytest.raises(StorageError, match=f"table.parquet: .*{says}") as told, atomic_path(target):
        raise error
    assert str(storage.mount_point(tmp_path)) in str(told.value)
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are(tmp_path, monkeypatch):
    assert storage_problem(ValueError("wrong number"), tmp_path) is None
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "x"):
        raise ZeroDivisionError
    full = types.SimpleNamespace(total=10_000_000, used=9_999_000, free=1_000)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda place: full)
    # Torch says "unexpected pos" where the disk is full: then the free space tells.
    with pytest.raises(StorageError, match=r"0\.0 MB free of 10 MB"), atomic_path(tmp_path / "x"):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")
    with pytest.raises(InputError, match="bad row"), atomic_path(tmp_path / "x"):
        raise InputError("bad row")


def test_folders_that_cannot_be_written_to(tmp_path, monkeypatch):
    assert unwritable([tmp_path, tmp_path / "not" / "yet"]) == []
    monkeypatch.setattr(storage.os, "access", lambda path, mode: False)
    (told,) = unwritable([tmp_path / "results"])
    assert told.startswith(f"{tmp_path / 'results'}: no permission to write in {tmp_path}")


def test_jobs_record_what_they_wrote_and_compare_what_they_read(in_run, capsys):
    output = Path("results/run/a/table.tsv")
    with job(rule(output=[str(output)])):
        write_text("one\n", output)
    reader = rule(input=[str(output), "data/of_the_user.tsv"])
    with job(reader):
        pass
    for damaged, says in (
        ("ono\n", "other bytes than its job wrote"),
        ("on", "2 bytes, its job wrote 4"),
        ("", "0 by"),
    ):
        output.write_text(damaged)
        with pytest.raises(SystemExit), job(reader):
            pytest.fail("the job must not begin")
        told = capsys.readouterr().err
        assert f"results/run/a/table.tsv: {says}" in told
        assert "Traceback" not in told
    with job(rule(output=[str(output)])):
        assert not list(Path("results/run/.made").rglob("*.json"))  # a killed job leaves no record of what was before
        write_text("two\n", output)
    with job(reader):
        pass
    (in_run / "results/run/.made/a/table.tsv.json").write_text("{")  # a damaged record accuses nobody
    with job(reader):
        pass


def test_folders_are_recorded_file_by_file(in_run):
    folder = Path("results/run/index")
    folder.mkdir(parents=True)
    (folder / "a.bt2").write_text("a")
    (folder / "b.bt2").write_text("b")
    made.note([folder])
    made.check([folder])
    (folder / "b.bt2").write_text("c")
    with pytest.raises(made.DamagedError, match=r"index/b\.bt2: other bytes"):
        made.check([folder])
    made.forget([folder])
    made.check([folder])


def test_leftovers_of_killed_jobs_go_with_the_next_attempt(in_run):
    output = Path("results/run/t[1].tsv")
    write_text("of another file", output.with_name("t1.tsv"))
    left = output.with_name(f".77.partial.{output.name}")
    other = output.with_name(".77.partial.t1.tsv")
    for path in (left, other):
        path.write_text("half")
    remove_partial(output)
    assert not left.exists()
    assert other.exists()


def test_files_dated_in_the_future_are_dated_now_in_their_order(in_run):
    now = time.time_ns()
    names = ["c", "a", "b", "past"]
    for name, ahead in zip(names, (3, 1, 2, -5), strict=True):
        path = Path(f"results/run/{name}")
        write_text(name, path)
        os.utime(path, ns=(now, now + ahead * 3_600_000_000_000))
    past = Path("results/run/past").stat().st_mtime_ns
    date_back_inputs(["results/run/past", "results/run/missing", "/elsewhere/x"])
    assert Path("results/run/a").stat().st_mtime_ns > now + 1_000_000_000
    date_back_inputs(["results/run/b"])
    times = [Path(f"results/run/{name}").stat().st_mtime_ns for name in ("past", "a", "b", "c")]
    assert times == sorted(times)
    assert len(set(times)) == 4
    assert times[0] == past
    assert now - 1_000_000 < times[1] <= times[3] < time.time_ns()
    assert date_back("results/run") == 0


def test_stopped_job_ends_as_if_by_the_signal(in_run, capsys):
    with pytest.raises(SystemExit) as ended, job(rule()):
        raise StoppedError("train x: asked to stop")
    assert ended.value.code == 143
    assert capsys.readouterr().err.endswith("train x: asked to stop\n")
