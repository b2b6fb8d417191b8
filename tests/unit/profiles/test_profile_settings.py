"""Profiles sheet, folds and recipes: every problem is told at once; folds and windows are what the sheets say."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import yaml

from cisflow.models.profiles.settings import BiasData, NetworkData, profile_settings
from cisflow.problems import InputError
from cisflow.settings.profiles import window_of
from cisflow.settings.study import read_study
from conftest import CHECKOUT

sys.path.insert(0, str(Path(__file__).parent))
from profile_toys import BIAS, NETWORK

SCHEMAS = CHECKOUT / "workflow" / "schemas"
COLUMNS = list(yaml.safe_load((SCHEMAS / "profiles.schema.yaml").read_text())["properties"])


@pytest.fixture
def study(tmp_path):
    """Function that reads a study with the given rows of the profiles and models sheets."""
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())
    config["sheets"] = dict.fromkeys(config["sheets"])
    (tmp_path / "bias.yaml").write_text(yaml.safe_dump(BIAS))
    (tmp_path / "network.yaml").write_text(yaml.safe_dump(NETWORK))

    def read(*rows, models=({"model": "m", "dataset": "atac", "recipe": "network.yaml", "seeds": "1,2"},)):
        lines = ["\t".join(COLUMNS), *("\t".join(row.get(c, "") for c in COLUMNS) for row in rows)]
        (tmp_path / "profiles.tsv").write_text("\n".join(lines) + "\n")
        lines = ["model\tdataset\trecipe\tseeds", *("\t".join(row.values()) for row in models)]
        (tmp_path / "models.tsv").write_text("\n".join(lines) + "\n")
        used = copy.deepcopy(config)
        used["sheets"] |= {"profiles": "profiles.tsv", "models": "models.tsv"}
        return read_study(used, SCHEMAS, CHECKOUT, tmp_path)

    return read


SIMULATED = {
    "assay": "atac",
    "source": "simulated",
    "bias_recipe": "bias.yaml",
    "validation_chromosomes": "chr2",
    "test_chromosomes": "chr1, chr3",
}


def test_one_split_in_the_sheet(study):
    found = study(SIMULATED)
    expected = {"name": "1", "validation": ["chr2"], "test": ["chr1", "chr3"], "training": []}
    assert found.chromosome_folds == {"atac": [expected]}
    assert window_of(found.assay_recipes("atac")) == {"input_length": 128, "output_length": 64, "jitter": 16}


def test_published_folds_of_the_human_genome(study):
    row = {
        **SIMULATED,
        "folds": "config/chromosome_folds/hg38.tsv",
        "validation_chromosomes": "",
        "test_chromosomes": "",
    }
    folds = study(row).chromosome_folds["atac"]
    assert [fold["name"] for fold in folds] == list("01234")
    assert folds[0]["test"] == ["chr1", "chr3", "chr6"]
    assert folds[0]["validation"] == ["chr8", "chr20"]
    names = {f"chr{n}" for n in (*range(1, 23), "X", "Y")}
    for fold in folds:
        parts = [set(fold[role]) for role in ("training", "validation", "test")]
        assert set.union(*parts) == names
        assert sum(map(len, parts)) == len(names)
    assert sorted(name for fold in folds for name in fold["test"]) == sorted(names)


def test_all_problems_of_the_sheet_at_once(study, tmp_path):
    (tmp_path / "folds.tsv").write_text("fold\tvalidation_chromosomes\ttest_chromosomes\n1\tchr2\tchr2\n1\tchr3\t\n")
    rows = [
        {**SIMULATED, "genome": "g.fa"},
        {"assay": "own", "source": "files", "genome": "none.fa", "peaks": "none.bed", "nonpeaks": "none.bed",
         "negatives_per_peak": "3", "bias_recipe": "network.yaml", "folds": "folds.tsv", "test_chromosomes": "chr1"},
    ]  # fmt: skip
    models = ({"model": "bias", "dataset": "atac", "recipe": "network.yaml", "seeds": "1"},)
    with pytest.raises(InputError) as raised:
        study(*rows, models=models)
    text = str(raised.value)
    for expected in (
        "'g.fa' has no place beside source simulated",
        'row 3, column "bigwig": empty; required when source is files',
        'row 3, column "genome": file not found: none.fa',
        'row 3, column "peaks": file not found: none.bed',
        "3 has no meaning beside nonpeaks",
        "models.tsv row 2, column \"model\": 'bias' stands for the bias model of the assay",
        "folds.tsv row 3, column \"fold\": '1' was already given in row 2",
        'folds.tsv row 2, column "test_chromosomes": chr2 is a validation chromosome as well',
        'folds.tsv row 3, column "test_chromosomes": empty; a value is required',
        "row 3, column \"test_chromosomes\": 'chr1' has no place beside a table of folds",
        "network.yaml, column \"model\": 'network'; expected 'bias' here",
    ):
        assert expected in text, expected


def test_recipes_of_an_assay_must_see_the_same_windows(study, tmp_path):
    wide = {**NETWORK, "window": {"input_length": 160, "output_length": 80}}
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(wide))
    with pytest.raises(InputError) as raised:
        study(SIMULATED, models=({"model": "m", "dataset": "atac", "recipe": "wide.yaml", "seeds": "1"},))
    text = str(raised.value)
    assert 'wide.yaml, column "window.input_length": 160; the bias recipe bias.yaml has 128' in text
    assert 'column "window.output_length": 80; the bias recipe bias.yaml has 64' in text


def test_recipes_of_another_task_and_bias_recipes_as_models_are_told(study):
    row = {"model": "m", "dataset": "atac", "recipe": "config/recipes/kmer_ridge.yaml", "seeds": "1"}
    with pytest.raises(InputError, match="is for task 'expression', but 'atac' is of profiles"):
        study(SIMULATED, models=(row,))
    row = {"model": "m", "dataset": "atac", "recipe": "bias.yaml", "seeds": "1"}
    bias = {**SIMULATED, "bias_recipe": "network.yaml"}
    with pytest.raises(InputError, match=r"'network'; expected 'bias' here.*\n.*'bias'; expected 'network' here"):
        study(bias, models=(row,))


def test_every_problem_of_a_recipe_is_told():
    wrong = copy.deepcopy({**NETWORK, "netwrok": 1, "data": {"negatives": -1, "outlier": 0.9}})
    wrong["window"] |= {"output_length": 65, "jitter": 0.5}
    wrong["training"] = {"epochs": 0, "patience": "few", "optimiser": {"name": "adam"}, "batchsize": 4}
    del wrong["network"]
    with pytest.raises(InputError) as raised:
        profile_settings(wrong, "r.yaml")
    text = str(raised.value)
    for expected in (
        "r.yaml, column \"netwrok\": unknown key (did you mean 'network'?)",
        'column "data.negatives": -1; expected a number, 0 or more',
        "column \"data.outlier\": unknown key (did you mean 'outlier_quantile'?)",
        'column "window.jitter": 0.5; expected a whole number, 0 or more',
        'column "training.epochs": 0; expected a whole number, 1 or more',
        "column \"training.batchsize\": unknown key (did you mean 'batch_size'?)",
        'column "training.schedule": missing; it is required',
        "column \"training.patience\": 'few'; expected a positive whole number of epochs",
        'column "network": None; expected keys and values with `name`',
    ):
        assert expected in text, expected
    with pytest.raises(InputError, match="65 of 128 bp; expected as many bases less on either side"):
        profile_settings({**NETWORK, "window": {"input_length": 128, "output_length": 65}})
    with pytest.raises(InputError, match=r"'biased' is not one of: network, bias"):
        profile_settings({**BIAS, "model": "biased"})


def test_defaults_are_the_published_ones():
    assert profile_settings(NETWORK).data == NetworkData(0.1, 0.9999, 0.5)
    assert profile_settings(BIAS).data == BiasData(0.5, 0.01, 0.9999, 0.5)
    recipes = CHECKOUT / "config" / "recipes" / "profiles"
    published = {p.stem: yaml.safe_load(p.read_text()) for p in recipes.glob("*.yaml")}
    for name, recipe in published.items():
        settings = profile_settings(recipe)
        bias = name == "bias"
        assert settings.data == (BiasData() if bias else NetworkData())
        assert (settings.window.jitter, settings.training.batch_size) == (0 if bias else 500, 64)
        assert settings.loss.count_weight == 0
    training = {name: recipe["training"] for name, recipe in published.items()}
    for name in ("bias", "chrombpnet"):
        assert (training[name]["epochs"], training[name]["patience"]) == (50, 5)
        assert training[name]["optimiser"] == {"name": "adam", "learning_rate": 0.001, "eps": 1e-7}
    for name in ("dream_cnn", "dream_rnn"):
        assert (training[name]["epochs"], training[name]["patience"]) == (80, 20)
        assert training[name]["schedule"]["name"] == "linear_cosine"
        assert training[name]["schedule"]["max_learning_rate"] == 0.0005
