"""Trainings of a cross-validation: the same in one job or in many, kept when the job is killed, predicted per head."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cisflow.models import folds as module
from cisflow.models.folds import predict_fold, train_folds, training_name
from cisflow.models.predict import load_bundle

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import NARROW, toy_table

TRAININGS = [("b", 1), ("c", 1)]


@pytest.fixture
def folds(tmp_path):
    table = toy_table(60).drop(columns="split")
    names = np.array(["a", "b", "c"])[np.arange(len(table)) % 3]
    table = table.assign(fold=names, inner=names, pos=np.arange(len(table)), hk=lambda t: 5 - t["expression"] / 4)
    table.to_parquet(tmp_path / "folds.parquet")
    return tmp_path / "folds.parquet"


def settings(**changes):
    recipe = copy.deepcopy(NARROW)
    recipe["training"] |= {"epochs": 2, "batch_size": 8}
    plain = {"dataset": "d", "model": "m", "test": "a", "trainings": TRAININGS, "seed": 1, "recipe": recipe}
    plain |= {"device": "cpu", "training": {"threads": 1, "save_every_seconds": 60}}
    return {**plain, **changes}


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_one_job_or_several_give_the_same_bundles(folds, tmp_path):
    train_folds(folds, tmp_path / "all", tmp_path / "s1", settings(), "code")
    assert {path.name for path in (tmp_path / "all").iterdir()} == {"validationb.seed1", "validationc.seed1"}
    for i, training in enumerate(TRAININGS):
        train_folds(folds, tmp_path / f"part{i}", tmp_path / "s2", settings(trainings=[training]), "code")
        name = training_name(*training)
        assert content(tmp_path / f"part{i}" / name) == content(tmp_path / "all" / name)
    assert not [path for path in (tmp_path / "s1").rglob("*") if path.is_file()]


class KilledError(Exception):
    pass


def test_a_killed_job_keeps_what_was_finished(folds, tmp_path, monkeypatch):
    train_folds(folds, tmp_path / "whole", tmp_path / "s0", settings(), "code")
    called, real = [], module.train_expression_model

    def train(rows, bundle, state, own, code):
        called.append(own["dataset"])
        if len(called) == 2:
            raise KilledError
        real(rows, bundle, state, own, code)

    monkeypatch.setattr(module, "train_expression_model", train)
    with pytest.raises(KilledError):
        train_folds(folds, tmp_path / "out", tmp_path / "s", settings(), "code")
    assert not (tmp_path / "out").exists()
    train_folds(folds, tmp_path / "out", tmp_path / "s", settings(), "code")
    assert called == [f"d test a validation {name}" for name in "bcc"]
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.parametrize("change", [{"code": "other"}, {"seed": 2}])
def test_what_was_finished_under_other_settings_is_not_taken(folds, tmp_path, monkeypatch, change):
    called, real = [], module.train_expression_model

    def train(rows, bundle, state, own, code):
        called.append(own["dataset"][-1])
        if len(called) == 2:
            raise KilledError
        real(rows, bundle, state, own, code)

    monkeypatch.setattr(module, "train_expression_model", train)
    with pytest.raises(KilledError):
        train_folds(folds, tmp_path / "out", tmp_path / "s", settings(), "code")
    code = change.pop("code", "code")
    train_folds(folds, tmp_path / "out", tmp_path / "s", settings(**change), code)
    assert called == ["b", "c", "b", "c"]


def test_predictions_of_every_head_are_means_over_the_trainings(folds, tmp_path):
    recipe = {"task": "expression", "model": "kmer_ridge", "k": 3, "pool_strands": True, "alphas": [1, 10]}
    recipe["heads"] = ["expression", "hk"]
    train_folds(folds, tmp_path / "out", tmp_path / "s", settings(recipe=recipe), "code")
    bundles = {training_name(*training): tmp_path / "out" / training_name(*training) for training in TRAININGS}
    found = predict_fold(bundles, folds, "a", "m", "cpu", 1)
    table = pd.read_parquet(folds)
    table = table[table["fold"] == "a"]
    assert found["element"].tolist() == table["element"].tolist()
    np.testing.assert_array_equal(found["hk"], table["hk"])
    values = [load_bundle(path).predict_heads(table["sequence"].tolist()) for path in bundles.values()]
    np.testing.assert_allclose(found["prediction"], np.mean(values, axis=0)[:, 0])
    np.testing.assert_allclose(found["prediction.hk"], np.mean(values, axis=0)[:, 1])
    np.testing.assert_allclose(found["validationc.seed1.hk"], values[1][:, 1])
    assert (found["models"] == 2).all()
