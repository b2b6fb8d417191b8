"""The designs sheet: models, settings and files that are there, all problems at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cisflow.design.settings import DesignSettings, read_design
from cisflow.problems import InputError
from cisflow.settings.study import read_study

CHECKOUT = Path(__file__).resolve().parents[3]
HEADER = "design\tdataset\tmodels\tsettings\tpromoters\n"


@pytest.fixture
def study(demo_with):
    return lambda rows: demo_with("designs", HEADER + rows)


def test_models_are_those_of_the_row_or_all(study):
    found = study("a\tpromoters\tdream_rnn, dream_cnn\t\t\nb\tpromoters\t\tconfig/designs/demo.yaml\t\n")
    assert found.designers("a") == ["dream_rnn", "dream_cnn"]
    assert found.designers("b") == ["dream_cnn", "dream_rnn", "dream_attn", "kmer_ridge"]


def test_every_problem_is_told(study, tmp_path):
    (tmp_path / "bad.yaml").write_text("high: many\n")
    rows = "a\tsynthetic\t\t\t\nb\tpromoters\tdream_cn\tnone.yaml\tnone.fa\nc\tpromoters\t\tbad.yaml\t\n"
    with pytest.raises(InputError) as error:
        study(rows)
    text = str(error.value)
    assert "not a dataset that models are trained on: 'synthetic'" in text
    assert "did you mean 'dream_cnn'" in text
    assert "file not found: none.yaml" in text
    assert "file not found: none.fa" in text
    assert "'many' is not of type integer" in text


def test_designs_of_the_project_are_valid():
    published = DesignSettings(**read_design(CHECKOUT / "config" / "designs" / "dream2022.yaml"))
    assert (published.population, published.generations, published.tournament) == (100_000, 10, 3)
    assert (published.crossover, published.mutation, published.base_mutation) == (0.1, 0.1, 0.025)
    assert read_design(CHECKOUT / "config" / "designs" / "demo.yaml")["forbidden"] == ["GGTCTC", "GAAGAC"]


def test_motifs_that_are_not_there_are_told(study, tmp_path):
    config = study("a\tpromoters\t\t\t\n").config
    config["interpret"]["motifs"] = "none.meme"
    with pytest.raises(InputError, match=r"interpret.motifs.*file not found: none.meme"):
        read_study(config, CHECKOUT / "workflow" / "schemas", CHECKOUT, tmp_path)
