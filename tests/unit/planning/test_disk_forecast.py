"""Disk of a plan: sizes fitted to files that are there, carried through the jobs of a run, beside what is free."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from cisflow.cli.main import main
from cisflow.made import note
from cisflow.planning.disk import STATE_PER_BUNDLE, Disk, Sizes, free_mb
from cisflow.planning.disk_words import disk_lines, gb, named_rules, room, stage_disk
from cisflow.planning.jobs import PlannedJob
from cisflow.planning.sizes import (
    COLUMNS,
    FileSize,
    fit_sizes,
    measure,
    read_sizes,
    recorded_size,
    settings_digest,
    size_on_disk,
)
from cisflow.problems import InputError
from cisflow.training.state import StateFolder
from conftest import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tests" / "unit" / "training"))
from toy_task import ToyTask, run

COUNT, JOIN, TABLE = ("count", "{bin}.part", ""), ("join", "{bin}.parquet", ""), ("estimate", "table.tsv", "")
ON_RECORD = {COUNT: FileSize(3, 50, 0.5, 0.1), JOIN: FileSize(3, 5, 0, 1), TABLE: FileSize(1, 5, 2, None)}


def job(rule, outputs, pattern, inputs, *after, temporary=(), due=True, threads=1, decided=""):
    """A job whose outputs all have one pattern; ``after`` are the outputs of earlier jobs."""
    before = frozenset((other,) for other in after)
    patterns = (pattern,) * len(outputs)
    return PlannedJob(
        rule, outputs, "reads", due, threads, 1, 1, 0, None, before, inputs, patterns, frozenset(temporary), decided
    )


def write(path: Path, mb: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(round(mb * 1e6)))


def chain(due=True):
    """Two bins are counted into temporary files and joined, then one table is made of both."""
    jobs = []
    for name in ("a", "b"):
        part = f"{name}.part"
        jobs.append(job("count", (part,), "{bin}.part", (f"{name}.fq",), temporary=(part,), due=due))
        jobs.append(job("join", (f"{name}.parquet",), "{bin}.parquet", (part,), part, due=due))
    both = ("a.parquet", "b.parquet")
    return [*jobs, job("estimate", ("table.tsv",), "table.tsv", both, *both, due=due)]


def test_sizes_go_from_job_to_job(tmp_path):
    write(tmp_path / "a.fq", 10)
    write(tmp_path / "b.fq", 20)
    jobs = chain()[::-1]
    sizes = Sizes(jobs, ON_RECORD, tmp_path)
    assert sizes.of["a.part"] == sizes.of["a.parquet"] == pytest.approx(1.5)
    assert sizes.of["b.part"] == sizes.of["b.parquet"] == pytest.approx(2.5)
    told = sizes.disk(jobs)
    assert told.kept_mb == pytest.approx(1.5 + 2.5 + 2)
    assert told.most_temporary_mb == pytest.approx(1.5 + 2.5)
    assert told.least_temporary_mb == pytest.approx(2.5)
    assert not told.unknown
    assert not told.carried


def test_what_is_done_takes_nothing_and_what_is_made_again_its_growth(tmp_path):
    for name, mb in (("a.fq", 10), ("b.fq", 20), ("a.parquet", 1), ("b.parquet", 4), ("table.tsv", 1.75)):
        write(tmp_path / name, mb)
    done = chain(due=False)
    assert Sizes(done, ON_RECORD, tmp_path).disk(done) == Disk()
    again = [*done[:-1], chain()[-1]]
    assert Sizes(again, ON_RECORD, tmp_path).disk(again).kept_mb == pytest.approx(0.25)


def test_an_unknown_size_is_never_a_number(tmp_path):
    write(tmp_path / "a.fq", 10)
    write(tmp_path / "b.fq", 300)
    jobs = chain()
    # No row for what is joined; the table is on record for inputs of one size alone, and its input is unknown.
    told = Sizes(jobs, {COUNT: ON_RECORD[COUNT], TABLE: ON_RECORD[TABLE]}, tmp_path).disk(jobs)
    assert told.unknown == Counter(join=2, estimate=1)
    assert told.kept_mb == 0
    assert told.carried == 1
    # Known, but six times as large as any that the table was made of.
    told = Sizes(jobs, ON_RECORD, tmp_path).disk(jobs)
    assert told.unknown == Counter(estimate=1)
    assert told.carried == 2  # b is counted, and joined, from more than is on record


def test_published_sizes_of_downloads_are_taken(tmp_path):
    jobs = [job("download_file", ("downloads/x",), "downloads/{source}", ())]
    assert Sizes(jobs, {}, tmp_path).disk(jobs).unknown == Counter(download_file=1)
    assert Sizes(jobs, {}, tmp_path, {"downloads/x": 70.0}).disk(jobs).kept_mb == 70


def test_long_chains_need_no_recursion(tmp_path):
    write(tmp_path / "0", 1)
    jobs = [job("join", (str(i),), "{bin}.parquet", (str(i - 1),), str(i - 1)) for i in range(1, 5000)]
    assert Sizes(jobs[::-1], ON_RECORD, tmp_path).disk(jobs).kept_mb == pytest.approx(4999)


def test_states_of_trainings_are_bounded_by_the_cores(tmp_path):
    on_record = {("train_x", "w", "d"): FileSize(1, 0, 3, 0.0)}
    jobs = [job("train_x", (f"w{i}",), "w", (), threads=2, decided="d") for i in range(5)]
    told = Sizes(jobs, on_record, tmp_path).disk(jobs, cores=4)
    assert told.kept_mb == 15
    assert told.least_temporary_mb == 3 * STATE_PER_BUNDLE
    assert told.most_temporary_mb == 2 * 3 * STATE_PER_BUNDLE
    other = [job("train_x", ("other",), "w", (), decided="e")]
    told = Sizes(other, on_record, tmp_path).disk(other)
    assert told.unknown == Counter(train_x=1)
    assert "saved states of 1 trainings, whose networks are on no record" in disk_lines(told, 1, tmp_path)[1]


def test_a_saved_state_is_as_large_as_the_forecast_says_or_smaller(tmp_path, monkeypatch):
    class Wide(ToyTask):
        def build_network(self):
            return torch.nn.Sequential(torch.nn.Linear(5, 20_000), torch.nn.ReLU(), torch.nn.Linear(20_000, 1))

    monkeypatch.setattr(StateFolder, "remove", lambda self: None)
    run(tmp_path, Wide(n_steps=10, steps_per_epoch=5))
    state = size_on_disk(tmp_path / "state")
    weights = size_on_disk(tmp_path / "bundle" / "weights.safetensors")
    assert state / weights == pytest.approx(4, rel=0.05)  # without an average
    assert 2 * (state + weights) / weights <= STATE_PER_BUNDLE * 1.01


def test_a_file_is_fitted_to_the_input_of_its_job():
    rows = [("count", "a", "", x, 0.5 + 2 * x) for x in (0.1, 1.0, 10.0)]
    rows += [("count", "a.svg", "", x, x) for x in (0.1, 1.0)]
    rows += [("plot", "b", "", x, 3.0) for x in (1.0, 2.0)]
    rows += [("train_x", "w", "d", x, 4.0) for x in (1.0, 2.0)]
    table = fit_sizes(rows)
    assert tuple(table.columns) == COLUMNS
    found = {tuple(row[:3]): FileSize(*row[3:]) for row in table.itertuples(index=False)}
    assert found["count", "a", ""].mb == pytest.approx(0.5)
    assert found["count", "a", ""].mb_per_input_mb == pytest.approx(2)
    assert found["count", "a.svg", ""].expected(None) == 1  # drawings do not grow
    assert found["train_x", "w", "d"].expected(1e6) == 4  # nor do networks
    assert found["plot", "b", ""].files == 2


def test_no_recorded_file_is_larger_than_the_line_says():
    rows = [("count", "a", "", x, x * factor) for x in (1.0, 10.0, 100.0) for factor in (0.1, 0.3)]
    constant, slope = fit_sizes(rows).loc[0, ["mb", "mb_per_input_mb"]]
    assert slope == pytest.approx(0.3, abs=0.01)
    assert all(constant + slope * x >= mb - 1e-5 for _, _, _, x, mb in rows)


def test_growth_that_was_not_seen_is_not_guessed():
    of = FileSize(2, 10, 3, None)
    assert of.expected(30) == 3
    assert of.expected(31) is None
    assert of.expected(None) is None
    assert FileSize(2, 10, 3, 0.5).expected(1000) == 503
    assert FileSize(2, 10, 3, 0.5).expected(None) is None
    assert FileSize(2, 10, 3, 0.0).expected(None) == 3


def test_settings_that_decide_the_size():
    recipe = {"model": "network", "network": {"first": {"channels": 8}}, "training": {"epochs": 3}}
    one = settings_digest("train_expression_model", {"recipe": recipe, "seed": 1, "replicate": 1})
    longer = {**recipe, "training": {"epochs": 30}}
    wider = {**recipe, "network": {"first": {"channels": 16}}}
    assert settings_digest("train_expression_model", {"recipe": longer, "seed": 2, "replicate": 3}) == one
    assert settings_digest("train_expression_model", {"recipe": wider, "seed": 1}) != one
    assert settings_digest("train_folds", {"recipe": recipe, "trainings": [1, 2]}) != one
    simulated = {"seed": 1, "library": "x", "simulation": {"promoters": 600}}
    assert settings_digest("simulate_x", simulated) == settings_digest("simulate_x", {**simulated, "seed": 2})
    more = {**simulated, "simulation": {"promoters": 601}}
    assert settings_digest("simulate_x", simulated) != settings_digest("simulate_x", more)


def test_files_that_were_removed_are_measured_by_what_their_jobs_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept, part, folder = (Path("results/x/reads") / name for name in ("a.parquet", "a.part", "a.index"))
    write(kept, 2)
    write(part, 3)
    write(folder / "one", 0.25)
    write(folder / "two", 0.5)
    note([kept, part, folder])
    part.unlink()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    monkeypatch.chdir("/")
    assert [recorded_size(str(path), tmp_path) for path in (kept, part, folder)] == [2, 3, 0.75]
    assert recorded_size("results/x/reads/b.parquet", tmp_path) is None
    assert recorded_size("settings.yaml", tmp_path) is None
    jobs = [
        job("count", (str(part),), "{bin}.part", ("x.safetensors", str(kept))),
        job("join", ("lost",), "{bin}.parquet", (str(part),)),
        job("join", (str(kept),), "{bin}.parquet", ("lost",)),
    ]
    assert measure(jobs, lambda path: recorded_size(path, tmp_path)) == [("count", "{bin}.part", "", 2, 3)]


@pytest.mark.parametrize(
    ("free", "told"),
    [
        (1_000, None),
        (650, "WARNING: it may not fit: up to 0.7 GB are needed at once and 0.65 GB free"),
        (400, "WARNING: it will not fit: 0.5 GB are needed and 0.4 GB free"),
    ],
)
def test_a_disk_that_is_too_small_is_told(free, told):
    disk = Disk(500, 100, 200)
    assert room(disk, free) == told
    lines = disk_lines(disk, free, Path("results/x"))
    assert ("WARNING" in lines[-1]) == bool(told)
    assert lines[0].startswith("disk: 0.5 GB more")
    assert "beside them at once 0.1 GB to 0.2 GB of temporary ones" in lines[0]


def test_unknown_and_carried_are_told():
    disk = Disk(500_000, unknown=Counter({f"rule{i}": 2 for i in range(10)}), carried=3)
    text = "\n".join(disk_lines(disk, 1_000, Path("results/x")))
    assert "the input of 3 jobs is larger than any whose files are on record" in text
    assert "the size of 20 files: rule0 (2), " in text
    assert "and 2 more rules" in text
    assert text.endswith("it will not fit: 500 GB are needed and 1 GB free, files of unknown size not counted")
    assert named_rules(Counter(a=1)) == "a (1)"


def test_cells_of_the_table():
    assert stage_disk(Disk(), 0) == "-"
    assert stage_disk(Disk(), 1) == "0 MB"
    assert stage_disk(Disk(1500), 1) == "1.5 GB"
    assert stage_disk(Disk(1500, unknown=Counter(a=1)), 1) == "1.5 GB + ?"
    assert stage_disk(Disk(unknown=Counter(a=1)), 1) == "unknown"
    assert gb(1_234_567) == "1,235 GB"
    assert gb(12.345) == "12.3 MB"


def test_free_space_of_a_folder_to_come(tmp_path):
    assert free_mb(tmp_path / "results" / "x") > 0


def test_table_of_the_repository_is_in_use():
    sizes = read_sizes(CHECKOUT / "workflow" / "disk.tsv")
    rules = "\n".join(path.read_text() for path in (CHECKOUT / "workflow" / "rules").glob("*.smk"))
    named = {re.sub(r"(?<=^simulate_reads_)\w+", "{simulated}", rule) for rule, _, _ in sizes}
    assert len(named) >= 60
    assert [n for n in named if not re.search(rf"(rule |as |\"){re.escape(n)}\b|\"{re.escape(n)}\"", rules)] == []
    assert all(output.startswith("results/{run}/") for _, output, _ in sizes)


def test_a_table_of_other_columns_is_refused(tmp_path):
    (tmp_path / "disk.tsv").write_text("rule\tmb\n")
    with pytest.raises(InputError, match=", ".join(COLUMNS)):
        read_sizes(tmp_path / "disk.tsv")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "expected benchmark files or --results, one of them"),
        (["logs", "--results", "results/x"], "expected benchmark files or --results, one of them"),
        (["--results", "results/none"], "no settings.yaml in results/none"),
    ],
)
def test_what_calibrate_is_not_given_is_told(tmp_path, arguments, told, capsys):
    assert main(["calibrate", *arguments, "--output", str(tmp_path / "disk.tsv")]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "disk.tsv").exists()
