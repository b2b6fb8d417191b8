"""Options of Bowtie2 that a user adds: which are taken, what is said about the others, and that they act."""

import copy

import numpy as np
import polars as pl
import pytest
import yaml
from sequenced import random_bases

from cisflow.clusters.bowtie_options import ALLOWED, bowtie2_option_problems
from cisflow.clusters.methods import cluster_library
from cisflow.clusters.self_alignment import AlignmentSettings, self_alignment_options
from cisflow.problems import InputError
from cisflow.settings.study import read_study
from conftest import CHECKOUT

BOWTIE2 = {"method": "bowtie2", "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-k 10 --norc",
        "--very-sensitive -i S,1,0.5",
        "--score-min L,0,-0.3 --mp 6,2 --np 1",
        "--local --ma 2 --score-min G,20,8",
        "--n-ceil 0,0.15 --rdg 5,3 --rfg 5,3 --gbar 4 --dpad 15 --seed 7",
        "--n-ceil L,0,0.15 -D 20 -R 3 --mm --no-unal --nofw --no-1mm-upfront",
    ],
)
def test_options_that_are_taken(text):
    assert bowtie2_option_problems(text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-S out.sam", "'-S' cannot be given here: it writes files"),
        ("--un=left.fq", "'--un=left.fq' cannot be given here: it writes files"),
        ("--met-file m.txt", "it writes files"),
        ("-N 0", "'-N' cannot be given here: set cluster.seed_mismatches"),
        ("-L 20", "set cluster.seed_length"),
        ("-a", "it is set already; -k replaces it"),
        ("-p 8", "threads come from the rule"),
        ("--no-head", "the workflow sets what the header holds"),
        ("-5 3", "the flanks of reads.structure are trimmed"),
        ("-U more.fa", "the workflow gives the sequences"),
        ("-u 100", "the workflow gives the sequences"),
        ("--non-deterministic", "differ from run to run"),
        ("--nrc", "unknown option (did you mean '--norc'?); options are: -k"),
        ("out.sam", "'out.sam' cannot be given here: unknown option"),
        ("-k", "-k needs a whole number, 2 or more (every sequence aligns to itself), but 'nothing' follows"),
        ("-k 1", "but '1' follows"),
        ("--score-min -30 --norc", "--score-min needs a function such as L,-0.6,-0.6, but '-30' follows"),
        ("--mp --norc", "but '--norc' follows"),
    ],
)
def test_options_that_are_refused(text, what):
    (problem,) = bowtie2_option_problems(text)
    assert what in str(problem)
    assert str(problem).startswith('config, column "cluster.bowtie2_options": ')


def test_every_problem_is_told():
    assert len(bowtie2_option_problems("-S a.sam --norc -k x --unal -N 1")) == 4


def test_bad_options_stop_the_run_before_any_job():
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())
    wrong = copy.deepcopy(config)
    wrong["cluster"] |= {"bowtie2_options": "-S out.sam", "method": "pieces", "shards": 4}
    with pytest.raises(InputError) as refused:
        read_study(wrong, CHECKOUT / "workflow" / "schemas", CHECKOUT)
    assert len(refused.value.problems) == 2
    assert "cluster.bowtie2_options" in str(refused.value)
    assert "4 shards with method 'pieces', which is one job; expected 1" in str(refused.value)
    with pytest.raises(InputError, match="-S"):
        cluster_library(pl.DataFrame({"sequence": ["ACGT"], "reads": [1]}), "lib", BOWTIE2 | {"bowtie2_options": "-S"})


def test_options_are_appended_and_k_replaces_all():
    assert self_alignment_options(AlignmentSettings(0, 20, "-k 5 --norc"), 2, 3) == (
        ["-N", "0", "-L", "20", "-f", "--no-sq", "--no-head", "-5", "2", "-3", "3", "-k", "5", "--norc"]
    )


def test_bowtie2_knows_every_option_and_they_act():
    variable = random_bases(np.random.default_rng(4), 1)[0].tobytes().decode()
    turned = variable[::-1].translate(str.maketrans("ACGT", "TGCA"))
    pooled = pl.DataFrame({"sequence": [variable, turned], "reads": [2, 1]}, schema_overrides={"reads": pl.UInt64})
    values = {"-k": "5", "-D": "15", "-R": "2", "-i": "S,1,1.15", "--score-min": "L,-0.6,-0.6", "--n-ceil": "L,0,0.15"}
    values |= {"--ma": "0", "--mp": "6,2", "--np": "1", "--rdg": "5,3", "--rfg": "5,3", "--dpad": "15", "--gbar": "4"}
    values |= {"--seed": "1"}
    assert {option for option, (pattern, _) in ALLOWED.items() if pattern} == values.keys()
    local = [o for o in ALLOWED if o.endswith("local")]
    given = " ".join(f"{option} {value}" for option, value in values.items())
    others = " ".join(o for o in ALLOWED if o not in values and o not in local and o != "--norc" and o != "--nofw")
    for text, n in ((f"{given} {others}", 1), ("--norc", 2), ("--local --very-sensitive-local", 1)):
        assert len(cluster_library(pooled, "lib", BOWTIE2 | {"bowtie2_options": text}).elements) == n
