"""Cross-validation in the DAG: test folds are wildcards, trainings are jobs alone or together; no job in the demo."""

import re

import pytest

from conftest import CHECKOUT
from running import planned_rules, snakemake

STUDY = CHECKOUT / "config" / "studies" / "lentimpra_sample.yaml"
PUBLISHED = "0,1,2,3,4,5,6,7,8,9"
MODELS = 3


def jobs(text):
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


@pytest.mark.parametrize(
    ("folds", "inner", "together", "trainings"),
    [(PUBLISHED, "", 1, 10 * 9), (PUBLISHED, "", 9, 10), ("0,1,2,3,4", "10", 4, 5 * 3)],
)
def test_folds_are_wildcards(tmp_path, shared_data, folds, inner, together, trainings):
    sheet, overlay = tmp_path / "datasets.tsv", tmp_path / "overlay.yaml"
    header, row = (CHECKOUT / "config/studies/lentimpra_sample/datasets.tsv").read_text().splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True)) | {"folds": folds, "inner_folds": inner}
    sheet.write_text("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n")
    overlay.write_text(
        f"data_dir: {shared_data}\nsheets:\n  datasets: {sheet}\ntraining:\n  folds_per_job: {together}\n"
    )
    code, text = snakemake(tmp_path, "-n", "--configfile", str(STUDY), str(overlay))
    assert code == 0, text[-3000:]
    found = jobs(text)
    n_folds = len(folds.split(","))
    assert found["train_folds"] == MODELS * trainings
    assert found["predict_fold"] == MODELS * n_folds
    assert found["score_folds"] == found["plot_folds"] == found["build_folds"] == found["plot_benchmarks"] == 1
    assert not {"build_dataset", "train_expression_model", "score_models", "rank_models"} & set(found)


def test_the_demo_has_no_folds(tmp_path):
    code, text = snakemake(tmp_path, "-n")
    assert code == 0, text[-3000:]
    assert not [rule for rule in planned_rules(text) if "fold" in rule]
