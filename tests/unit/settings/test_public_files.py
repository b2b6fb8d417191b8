"""The downloads sheet: files that other sheets may name, local copies, and what cannot be meant."""

from __future__ import annotations

import pytest
import yaml

from cisflow.problems import InputError
from cisflow.settings.study import read_study
from conftest import CHECKOUT

SCHEMAS = CHECKOUT / "workflow" / "schemas"
SHEETS = {
    "downloads": (
        "file\turls\tbytes\tmd5\tmembers\n"
        "d/train.txt\thttps://one.example/t https://two.example/t\t100\t\t\n"
        "d/test.txt\thttp://one.example/x\t\t0123456789abcdef0123456789ABCDEF\t\n"
        "d/ids.tar.gz\thttps://one.example/i\t\t\tids/yeast_seqs.csv, ids/motif_tiling_seqs.csv\n"
    ),
    "datasets": (
        "dataset\ttrain_table\ttest_table\tsubsets\tmodels_from\n"
        "a\td/train.txt\td/test.txt\td/ids\t\n"
        "b\t\td/test.txt\t\ta\n"
    ),
    "models": "model\tdataset\trecipe\tseeds\nridge\ta\tconfig/recipes/kmer_ridge.yaml\t1,2\n",
}


@pytest.fixture
def config(tmp_path):
    """A study whose tables are all public files."""
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())
    config["sheets"] = dict.fromkeys(config["sheets"])
    for name, text in SHEETS.items():
        (tmp_path / f"{name}.tsv").write_text(text)
        config["sheets"][name] = str(tmp_path / f"{name}.tsv")
    (tmp_path / "data").mkdir()
    config["data_dir"] = str(tmp_path / "data")
    return config


def study_of(config, tmp_path):
    return read_study(config, SCHEMAS, CHECKOUT, tmp_path)


def test_sheets_may_name_files_that_are_not_there_yet(config, tmp_path):
    study = study_of(config, tmp_path)
    assert study.path("d/train.txt") == "downloads/d/train.txt"
    assert study.files_under("d/ids") == ["downloads/d/ids/motif_tiling_seqs.csv", "downloads/d/ids/yeast_seqs.csv"]
    assert study.public_files() == ["d/train.txt", "d/test.txt", "d/ids.tar.gz"]
    source = study.public.sources["d/test.txt"]
    assert source.md5 == "0123456789abcdef0123456789abcdef"
    assert study.public.sources["d/train.txt"].urls == ("https://one.example/t", "https://two.example/t")


def test_copies_that_are_there_are_taken(config, tmp_path):
    copy = tmp_path / "data" / "d" / "train.txt"
    elsewhere = tmp_path / "elsewhere.txt"
    unpacked = tmp_path / "data" / "d" / "ids"
    unpacked.mkdir(parents=True)
    for path in (copy, elsewhere, unpacked / "yeast_seqs.csv", unpacked / "motif_tiling_seqs.csv"):
        path.write_text("x")
    config["downloads"]["local"] = {"d/test.txt": str(elsewhere)}
    study = study_of(config, tmp_path)
    assert study.path("d/train.txt") == str(copy)
    assert study.path("d/test.txt") == str(elsewhere)
    assert study.files_under("d/ids") == sorted(str(path) for path in unpacked.iterdir())
    assert study.public_files() == ["d/train.txt", "d/test.txt"]  # the archive is not needed


def test_models_of_another_dataset(config, tmp_path):
    study = study_of(config, tmp_path)
    assert study.trained_on("b") == "a"
    assert [row["model"] for row in study.tested_on("b")] == ["ridge"]
    assert study.models_of("b") == []


@pytest.mark.parametrize(
    ("sheet", "old", "new", "said"),
    [
        ("downloads", "https://one.example/t", "ftp://one.example/t", "does not match the pattern"),
        ("downloads", "d/train.txt", "../train.txt", "does not match the pattern"),
        ("downloads", "\t100\t", "\tmany\t", "'many' is not of type integer"),
        ("downloads", "0123456789abcdef0123456789ABCDEF", "0123", "does not match the pattern"),
        ("downloads", "d/test.txt", "d/train.txt", "already given in row 2"),
        ("downloads", "ids/yeast_seqs.csv", "../yeast_seqs.csv", "leads out of the archive's folder"),
        ("downloads", "ids/yeast_seqs.csv", "test.txt", "'d/test.txt' is also given in row 3"),
        ("downloads", "d/ids.tar.gz", "d/ids.txt", "is no archive; expected a name that ends in .tar, .tar.gz"),
        ("datasets", "d/test.txt\td/ids", "d/tset.txt\td/ids", "file not found: d/tset.txt"),
        ("datasets", "\ta\n", "\tc\n", "not a dataset that models are trained on: 'c' is not one of: a"),
        ("datasets", "b\t\td", "b\td/train.txt\td", "has no place beside models_from"),
        ("datasets", "b\t\td/test.txt", "b\t\t", "empty; required with models_from"),
    ],
)
def test_rows_that_cannot_be_meant(config, tmp_path, sheet, old, new, said):
    path = tmp_path / f"{sheet}.tsv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        study_of(config, tmp_path)
    assert said in str(error.value)


def test_local_copies_that_are_not_there_or_of_no_file(config, tmp_path):
    config["downloads"]["local"] = {"d/train.txt": "/none.txt", "d/trian.txt": "/none.txt"}
    with pytest.raises(InputError) as error:
        study_of(config, tmp_path)
    assert "file not found: /none.txt (for d/train.txt)" in str(error.value)
    assert "did you mean 'd/train.txt'" in str(error.value)
