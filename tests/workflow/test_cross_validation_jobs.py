"""Cross-validation in the DAG: one training per test fold, validation fold and model; no job in the demo."""

import re

import pytest

from conftest import CHECKOUT
from running import planned_rules, snakemake

STUDY = CHECKOUT / "config" / "studies" / "lentimpra_sample.yaml"
PUBLISHED = "0,1,2,3,4,5,6,7,8,9"


def jobs(text):
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


@pytest.mark.parametrize(("folds", "inner", "trainings"), [(PUBLISHED, "", 10 * 9), ("0,1,2,3,4", "10", 5 * 10)])
def test_folds_are_wildcards(tmp_path, shared_data, folds, inner, trainings):
    sheet, overlay = tmp_path / "datasets.tsv", tmp_path / "overlay.yaml"
    header, row = (CHECKOUT / "config/studies/lentimpra_sample/datasets.tsv").read_text().splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True)) | {"folds": folds, "inner_folds": inner}
    sheet.write_text("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n")
    overlay.write_text(f"data_dir: {shared_data}\nsheets:\n  datasets: {sheet}\n")
    code, text = snakemake(tmp_path, "-n", "--configfile", str(STUDY), str(overlay))
    assert code == 0, text[-3000:]
    found = jobs(text)
    n_folds = len(folds.split(","))
    assert found["train_fold"] == 2 * trainings
    assert found["predict_fold"] == 2 * n_folds
    assert found["score_folds"] == found["plot_folds"] == found["plot_benchmarks"] == found["build_folds"] == 1
    assert not {"build_dataset", "train_expression_model", "score_models", "rank_models"} & set(found)


def test_the_demo_has_no_folds(tmp_path):
    code, text = snakemake(tmp_path, "-n")
    assert code == 0, text[-3000:]
    assert not [rule for rule in planned_rules(text) if "fold" in rule]
