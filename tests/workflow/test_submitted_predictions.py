"""Predictions made elsewhere are scored and ranked without the tools of the earlier stages."""

from __future__ import annotations

import os

import pandas as pd
import pytest

from conftest import CHECKOUT, SHARED
from running import planned_rules, snakemake

pytestmark = pytest.mark.dag
STUDY = CHECKOUT / "config" / "studies" / "dream2022_public.yaml"
#: Rank, Pearson Score and Spearman Score of the public leaderboard's data.
EXPECTED = {
    "autosome.org": (1, 0.829, 0.860),
    "BHI": (2, 0.799, 0.839),
    "Unlock_DNA": (3, 0.781, 0.827),
    "Camformers": (4, 0.763, 0.823),
    "The_Dream_Team": (5, 0.710, 0.766),
    "organiser_random_sample": (6, 0.006, 0.000),
}
FORBIDDEN = "raise ImportError('this stage must not need {name}')\n"


@pytest.fixture(scope="module")
def public_run(tmp_path_factory):
    """The study run where importing torch fails and Bowtie2 cannot be started."""
    if not (SHARED / "data").is_dir():
        pytest.skip("real data (../shared/data) is not there; it is not part of the project")
    folder = tmp_path_factory.mktemp("public")
    blocked = folder / "blocked"
    blocked.mkdir()
    for name in ("torch", "cooler", "cooltools", "pysam"):
        (blocked / f"{name}.py").write_text(FORBIDDEN.format(name=name))
    for name in ("bowtie2", "bowtie2-build", "samtools"):
        (blocked / name).write_text("#!/bin/sh\nexit 99\n")
        (blocked / name).chmod(0o755)
    (folder / "fewer_draws.yaml").write_text("ranking:\n  draws: 300\n")
    files = ("--configfile", str(STUDY), str(folder / "fewer_draws.yaml"))
    options = (*files, "--config", f"data_dir={SHARED / 'data'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(blocked))
        patch.setenv("PATH", f"{blocked}{os.pathsep}{os.environ['PATH']}")
        _, plan = snakemake(folder / "run", "-n", *options)
        code, text = snakemake(folder / "run", "--cores", "1", *options)
    assert code == 0, text[-6000:]
    return folder / "run" / "results" / "dream2022_public", planned_rules(plan)


def test_only_the_rules_of_scoring_are_planned(public_run):
    _, rules = public_run
    assert rules == {
        "build_dataset",
        "measure_test_ceiling",
        "import_predictions",
        "score_models",
        "bootstrap_models",
        "rank_models",
        "plot_ranking",
        "plot_subset_scores",
        "plot_predictions",
        "plot_changes",
        "record_settings",
        "report",
        "record_run",
    }


def test_ranking_equals_the_public_leaderboard(public_run):
    results, _ = public_run
    ranking = pd.read_csv(next(results.glob("evaluation/*/ranking.tsv")), sep="\t")
    found = {
        row.model: (row.rank, round(row.pearson_score, 3), round(row.spearman_score, 3))
        for row in ranking[["model", "rank", "pearson_score", "spearman_score"]].itertuples(index=False)
    }
    assert found == EXPECTED


def test_dataset_holds_test_rows_alone(public_run):
    results, _ = public_run
    dataset = pd.read_parquet(next(results.glob("datasets/*.parquet")))
    assert len(dataset) == 9045
    assert set(dataset["split"]) == {"test"}
    assert dataset["pos"].is_unique


def test_paired_tests_tell_the_best_team_apart(public_run):
    results, _ = public_run
    comparisons = pd.read_csv(next(results.glob("evaluation/*/comparisons.tsv")), sep="\t")
    total = comparisons[comparisons["subset"] == "total"]
    assert len(total) == 2 * 15
    first = total[(total["better"] == "autosome.org") & (total["worse"] == "BHI")]
    assert (first["p_holm"] < 0.05).all()


def test_every_figure_of_the_challenge_is_drawn(public_run):
    results, _ = public_run
    drawn = {path.name.split(".")[1] for path in results.glob("figures/evaluation/*.svg")}
    assert drawn == {"ranking", "rank_distribution", "subset_scores", "gaps", "predictions", "changes"}
