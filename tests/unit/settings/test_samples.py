"""Libraries of one sample are replicates: checked, and usable like a library."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
import yaml

from cisflow.problems import InputError
from cisflow.settings.study import read_study
from conftest import CHECKOUT

SCHEMAS = CHECKOUT / "workflow" / "schemas"


@pytest.fixture
def config(tmp_path):
    """The demo with two designed replicates; its sheets may be changed."""
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())
    shutil.copytree(CHECKOUT / "config" / "demo", tmp_path / "demo")
    for name, path in config["sheets"].items():
        if path:
            config["sheets"][name] = str(tmp_path / "demo" / path.rsplit("/", 1)[1])
    change(config, "bins", lambda t: pd.concat([t, t[t["library"] == "designed"].assign(library="second")]))
    twin = pd.DataFrame([{"library": "second", "kind": "designed", "source": "simulated", "methods": "bin-mean,maude"}])
    change(config, "libraries", lambda t: pd.concat([t, twin]).assign(sample=["", "both", "both"]))
    change(config, "datasets", lambda t: t.assign(test_library="both"))
    return config


def change(config, sheet, edit):
    path = config["sheets"][sheet]
    edit(pd.read_csv(path, sep="\t", dtype=str)).to_csv(path, sep="\t", index=False)


def problems_of(config):
    with pytest.raises(InputError) as caught:
        read_study(config, SCHEMAS, CHECKOUT)
    return str(caught.value)


def test_a_sample_can_be_tested_on(config):
    study = read_study(config, SCHEMAS, CHECKOUT)
    assert study.samples == {"both": ["designed", "second"]}
    assert study.methods("both") == ["maude", "bin-mean"]
    assert study.members("both") == ["designed", "second"]
    assert study.members("random") == ["random"]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("sample", ["", "designed", "designed"], "'designed' is also the name of a library"),
        ("sample", ["", "both", ""], "sample 'both' has one library; replicates are two or more"),
        ("sample", ["both", "both", ""], "designed, but 'random' of the same sample is random"),
        ("methods", ["bin-mean", "maude,bin-mean", "maude"], "maude, but 'designed' of the same sample has maude,bin-"),
    ],
)
def test_samples_that_do_not_fit_are_told(config, column, values, expected):
    change(config, "libraries", lambda t: t.assign(**{column: values}))
    assert expected in problems_of(config)


def test_an_unknown_sample_is_told(config):
    change(config, "datasets", lambda t: t.assign(test_library="botth"))
    assert "unknown library or sample: 'botth' is not one of" in problems_of(config)
