"""Memory and time of jobs: fitted to benchmarks, asked for by input and attempt, never less than a rule declares."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from cisflow.cli.main import main
from cisflow.problems import InputError
from cisflow.resources import COLUMNS, Need, asking, fit_needs, line_above, read_benchmarks, read_needs
from conftest import CHECKOUT

HEADER = "s\th:m:s\tmax_rss\tcpu_time\trule_name\tinput_size_mb\n"


def benchmark(folder, name: str, rule: str, sizes: dict, mb: object, seconds: object) -> None:
    (folder / f"{name}.tsv").write_text(f"{HEADER}9\t0:00:09\t{mb}\t{seconds}\t{rule}\t{sizes}\n")


class Declared:
    """What a rule declares, as Snakemake holds it."""

    def __init__(self, value):
        self.of = value if callable(value) else lambda **_: value

    def evaluate(self, wildcards, **given):
        return SimpleNamespace(value=self.of(**given))


def test_line_lies_above_every_point():
    x = np.array([1.0, 10, 100, 1000])
    y = np.array([305.0, 350, 810, 5300])
    constant, slope = line_above(x, y)
    assert slope == pytest.approx(5, rel=0.05)
    assert constant == pytest.approx(300, rel=0.05)
    assert (constant + slope * x >= y - 1e-9).all()


def test_a_need_that_falls_with_the_input_is_a_constant():
    assert line_above(np.array([10.0, 20, 30]), np.array([30.0, 20, 10])) == (30, 0)


def test_inputs_of_one_size_or_of_nearly_nothing_have_no_slope():
    assert line_above(np.array([20.0, 20]), np.array([7.0, 9])) == (9, 0)
    assert line_above(np.array([20.0, 50]), np.array([7.0, 9])) == (9, 0)
    assert line_above(np.array([0.01, 0.1]), np.array([300.0, 600])) == (600, 0)


def test_table_from_benchmark_files(tmp_path):
    benchmark(tmp_path, "a", "count_reads", {"r1": 1.0, "r2": 1.0}, 304, 4)
    benchmark(tmp_path, "b", "count_reads", {"r1": 10.0, "r2": 10.0}, 340, 22)
    benchmark(tmp_path, "c", "rank_models", {}, 200, 1)
    benchmark(tmp_path, "d", "rank_models", {}, "NA", "NA")  # ended before it could be looked at
    assert main(["calibrate", str(tmp_path), "--output", str(tmp_path / "needs.tsv")]) == 0
    needs = read_needs(tmp_path / "needs.tsv")
    assert list(needs) == ["count_reads", "rank_models"]
    assert vars(needs["count_reads"]) == pytest.approx(vars(Need(20, 300, 2, 2, 1)), abs=0.01)
    assert needs["rank_models"] == Need(0, 200, 0, 1, 0)
    assert needs["count_reads"].asked_mb(100) == 1.5 * 500 + 300
    assert needs["count_reads"].asked_minutes(28) == 4 * 30 / 60 + 10
    assert needs["count_reads"].asked_mb(1e6) == 1.5 * 700 + 300  # ten times the largest recorded input


def test_benchmarks_without_sizes_are_refused(tmp_path):
    (tmp_path / "plain.tsv").write_text("s\th:m:s\tmax_rss\tcpu_time\n1\t0:00:01\t5\t1\n")
    with pytest.raises(InputError, match="no column rule_name, input_size_mb; run with --benchmark-extended"):
        read_benchmarks([tmp_path])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="no benchmark file"):
        read_benchmarks([tmp_path / "nothing"])


def test_requests_grow_with_input_and_attempt():
    needs = {"count": Need(1e4, 300, 2, 60, 1)}
    size = SimpleNamespace(size_mb=10_000)
    memory = asking("count", "mem_mb", Declared(2000), needs)
    assert memory(None, size, 1, 1) == 1.5 * 20_300 + 300
    assert memory(None, size, 1, 2) == 2 * (1.5 * 20_300 + 300)
    assert memory(None, SimpleNamespace(size_mb=1), 1, 1) == 2000
    assert asking("count", "runtime", Declared(30), needs)(None, size, 1, 1) == 681
    # What a rule declares grows by attempts already: not twice.
    grown = Declared(lambda attempt, **_: 500 * attempt)
    assert asking("other", "mem_mb", grown, needs)(None, size, 1, 3) == 2000
    later = Declared("<TBD>")
    assert asking("count", "mem_mb", later, needs)(None, size, 1, 1) == "<TBD>"


def test_table_of_the_repository_is_in_use():
    needs = read_needs(CHECKOUT / "workflow" / "resources.tsv")
    rules = "\n".join(path.read_text() for path in (CHECKOUT / "workflow" / "rules").glob("*.smk"))
    assert len(needs) >= 20
    named = {re.sub(r"(?<=^simulate_reads_)\w+", "{simulated}", name) for name in needs}
    assert [
        name for name in named if not re.search(rf"(rule |as |\"){re.escape(name)}\b|\"{re.escape(name)}\"", rules)
    ] == []


def test_a_table_of_other_columns_is_refused(tmp_path):
    (tmp_path / "needs.tsv").write_text("rule\tmb\n")
    with pytest.raises(InputError, match=", ".join(COLUMNS)):
        read_needs(tmp_path / "needs.tsv")


def test_one_row_per_rule():
    import pandas as pd

    rows = [("a", 1.0, 10.0, 1.0), ("b", 1.0, 5.0, 1.0), ("a", 2.0, 20.0, 2.0)]
    table = fit_needs(pd.DataFrame(rows, columns=["rule", "input_mb", "mb", "cpu_seconds"]))
    assert tuple(table.columns) == COLUMNS
    assert table["jobs"].to_list() == [2, 1]
