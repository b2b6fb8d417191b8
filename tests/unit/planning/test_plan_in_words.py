"""A plan in words: what due jobs take, what is there, and the text for the smallest study."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from cisflow.cli.main import main
from cisflow.planning.jobs import PlannedJob
from cisflow.planning.words import forecast
from cisflow.resources import Need
from running import TINY, snakemake

NEEDS = {"count": Need(10, 500, 2, 60, 6), "train": Need(1, 1000, 0, 3600, 0)}


def job(rule, name, *after, due=True, input_mb=None, memory_mb=1000):
    before = frozenset((other,) for other in after)
    return PlannedJob(rule, (name,), "reads", due, 1, memory_mb, 60, 0, input_mb, before)


def test_times_add_up_and_the_longest_chain_is_found():
    jobs = [
        job("count", "a", input_mb=10),
        job("count", "b", input_mb=20),
        job("train", "c", "a", "b", memory_mb=8000),
        job("train", "d"),
        job("plot", "e", "c"),
    ]
    told = forecast(jobs, NEEDS)
    assert told.cpu_hours == pytest.approx((120 + 180 + 2 * 3600) / 3600)
    assert told.longest_hours == pytest.approx((180 + 3600) / 3600)
    assert told.unknown == Counter(plot=1)
    assert told.memory_mb == 8000
    assert told.guessed == 2
    assert told.larger == 1


def test_what_is_done_takes_no_time_and_ends_no_chain():
    jobs = [job("train", "a", due=False), job("count", "b", "a", input_mb=0)]
    told = forecast(jobs, NEEDS)
    assert told.cpu_hours == told.longest_hours == pytest.approx(60 / 3600)


def test_input_that_is_not_there_is_taken_as_large_as_on_record():
    told = forecast([job("count", "a")], NEEDS)
    assert told.cpu_hours == pytest.approx(120 / 3600)
    assert told.guessed == 1


def test_long_chains_need_no_recursion():
    jobs = [job("count", "0", input_mb=0), *(job("count", str(i), str(i - 1), input_mb=0) for i in range(1, 5000))]
    assert forecast(jobs[::-1], NEEDS).longest_hours == pytest.approx(5000 * 60 / 3600)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--config", "seed"], "expected KEY=VALUE"),
        (["--configfile", "no_such.yaml"], "no file no_such.yaml"),
        (["--cores", "0"], "expected 1 or more"),
    ],
)
def test_wrong_arguments_are_told(arguments, told, capsys):
    assert main(["plan", *arguments]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.dag
def test_the_plan_of_the_smallest_study(tmp_path, capsys):
    arguments = ["plan", "--configfile", str(TINY), "--directory", str(tmp_path), "--cores", "2"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    total = int(re.search(r"Plan of run tiny: ([0-9]+) of \1 jobs to do, 0 done before", text)[1])
    size = r"(?:[0-9.]+ [GM]B(?: \+ \?)?|unknown)"
    rows = re.findall(rf"^  \S.{{28}} +(\d+) +(\d+) +\S.* +[0-9.]+ GB +{size}$", text, re.MULTILINE)
    assert sum(int(due) for due, _ in rows) == total
    for words in (
        "library random: random, 6 bins, simulated reads; expression by bin-mean",
        "contact map synthetic: simulated, bins of 1,000 bp; tested on chr3, validated on chr2",
        "pairs: mates overlap by 25 to 55 bases",
        "dream_cnn on promoters: network, 2 seeds",
        "the input is not there yet",
        "more for the files of known size that are kept",
    ):
        assert words in text
    assert f"freein{tmp_path}/results/tiny;" in "".join(text.split())  # a long path may be wrapped
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "logs").exists()
    assert main([*arguments, "--config", "sead=1"]) == 1
    assert "did you mean 'seed'?" in capsys.readouterr().err


@pytest.mark.dag
def test_the_plan_is_a_target_too(tmp_path):
    code, text = snakemake(tmp_path, "--cores", "2", "plan", "--configfile", str(TINY))
    assert code == 0, text[-3000:]
    assert "Plan of run tiny" in text
    assert "on 2 cores" in text
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "logs" / "tiny" / "command.json").exists(), "the manifest names the command of the run"
