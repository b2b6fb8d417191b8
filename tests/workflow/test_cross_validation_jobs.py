"""Cross-validation in the DAG: test folds are wildcards, trainings are jobs alone or together; no job in the demo."""

import re

import pandas as pd
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


@pytest.mark.dag
def test_real_folds_from_their_rows_to_paired_tests_and_figures(tmp_path, shared_data):
    """Three folds of real elements, two ridge models that are trained on them."""
    real = shared_data / "expression" / "human_lentimpra"
    rows = pd.concat([pd.read_csv(real / f"sample_{part}.txt.gz", sep="\t") for part in ("train", "valid")])
    rows[rows["fold"].isin([0, 1, 2])].to_csv(tmp_path / "rows.tsv", sep="\t", index=False)
    (tmp_path / "datasets.tsv").write_text(
        "dataset\ttrain_table\telement_column\tsequence_column\texpression_column\treverse_pattern\tfold_column\tfolds\n"
        "elements\trows.tsv\tseq_id\tseq\tmean_value\t_Reversed:\tfold\t0,1,2\n"
    )
    recipe = (CHECKOUT / "config" / "recipes" / "kmer_ridge.yaml").read_text()
    (tmp_path / "short.yaml").write_text(recipe.replace("k: 6", "k: 4"))
    (tmp_path / "models.tsv").write_text(
        "model\tdataset\trecipe\tseeds\n"
        "kmers_6\telements\tconfig/recipes/kmer_ridge.yaml\t1\nkmers_4\telements\tshort.yaml\t1\n"
    )
    (tmp_path / "study.yaml").write_text(
        "run: folds\nsheets: {libraries: null, bins: null, reads: null, datasets: datasets.tsv, contact_maps: null, "
        "models: models.tsv, designs: null, variants: null, screens: null, queries: null}\n"
        "split: {method: homology}\ntraining: {folds_per_job: 2}\n"
    )
    code, text = snakemake(tmp_path, "--cores", "2", "--configfile", str(tmp_path / "study.yaml"))
    assert code == 0, text[-6000:]
    root = tmp_path / "results" / "folds"
    tests = pd.read_csv(root / "cross_validation" / "elements" / "comparisons.tsv", sep="\t")
    assert set(tests["folds"]) == {3}
    assert set(tests["better"]) | set(tests["worse"]) == {"kmers_6", "kmers_4"}
    for name in ("benchmarks", "elements.folds"):
        drawn = pd.read_csv(root / "figures" / "cross_validation" / f"{name}.tsv", sep="\t")
        assert {"kmers_6", "kmers_4"} <= set(drawn["model"])
    page = (root / "report.html").read_text()
    assert page.count("<img") >= 2
