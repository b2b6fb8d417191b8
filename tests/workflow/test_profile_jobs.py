"""Accessibility profiles through the DAG: a small run from simulation to report, and folds as wildcards."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from conftest import CHECKOUT
from running import planned_rules, snakemake

pytestmark = pytest.mark.dag
TINY_PROFILES = CHECKOUT / "tests" / "workflow" / "profiles.yaml"
DEMO = CHECKOUT / "config" / "studies" / "profiles_demo.yaml"


def jobs(text):
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


def test_from_simulated_cuts_to_the_report(tmp_path):
    code, text = snakemake(tmp_path, "--cores", "2", "--configfile", str(TINY_PROFILES))
    assert code == 0, text[-6000:]
    root = tmp_path / "results" / "tiny_profiles"
    summary = pd.read_csv(root / "profiles" / "atac" / "summary.tsv", sep="\t")
    assert summary["model"].unique().tolist() == ["chrombpnet", "bias", "shuffled", "mean_profile"]
    page = (root / "report.html").read_text()
    assert "Accessibility profiles" in page
    assert "Assay atac, test peaks of 1 fold(s)" in page
    assert "peaks with room for the jitter" in page
    for name in (
        "simulate/atac.assay",
        "profiles/atac.examples",
        "profiles/atac.counts",
        "profiles/atac.scores",
        "models/atac.learning_curves",
    ):
        for suffix in (".svg", ".png", ".tsv", ".json"):
            assert (root / "figures" / (name + suffix)).stat().st_size > 0
    assert not (tmp_path / "state").exists() or not [p for p in (tmp_path / "state").rglob("*") if p.is_file()]
    code, text = snakemake(tmp_path, "-n", "--configfile", str(TINY_PROFILES))
    assert "Nothing to be done" in text, text[-3000:]


def test_five_folds_share_their_bias_models_between_architectures(tmp_path):
    code, text = snakemake(tmp_path, "-n", "--configfile", str(DEMO))
    assert code == 0, text[-3000:]
    found = jobs(text)
    assert found["train_bias_model"] == 5
    assert found["train_profile_model"] == 5 * 3
    assert found["predict_profiles"] == 5 * 4
    assert found["prepare_assay"] == found["score_profiles"] == found["plot_profiles"] == 1
    assert not planned_rules(text) & {"train_fold", "build_dataset", "simulate_contacts"}


def test_files_that_do_not_fit_are_told_before_any_job(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGT\n")
    (tmp_path / "cuts.bw").write_text("no bigWig")
    (tmp_path / "peaks.bed").write_text("chr1\t9\t3\n")
    columns = ["assay", "source", "genome", "bigwig", "peaks", "bias_recipe"]
    columns += ["validation_chromosomes", "test_chromosomes"]
    cells = ["x", "files", "g.fa", "cuts.bw", "peaks.bed", "config/recipes/profiles/bias.yaml", "chr2", "chr3"]
    (tmp_path / "profiles.tsv").write_text("\t".join(columns) + "\n" + "\t".join(cells) + "\n")
    (tmp_path / "models.tsv").write_text(
        "model\tdataset\trecipe\tseeds\nchrombpnet\tx\tconfig/recipes/profiles/chrombpnet.yaml\t1\n"
    )
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("sheets: {profiles: profiles.tsv, models: models.tsv}\n")
    code, text = snakemake(tmp_path, "-n", "--configfile", str(DEMO), str(overlay))
    assert code != 0
    assert "2 problems with the input" in text
    assert "cuts.bw: cannot be read as a bigWig file" in text
    assert "peaks.bed row 1: interval 9 to 3" in text
