"""Shards in the DAG: one job without them; with them a job per shard, and one that joins them."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import yaml

from conftest import CHECKOUT
from running import TINY, snakemake

pytestmark = pytest.mark.dag

#: Rules of one job, with how many of them the target needs (two libraries of six bins); their shards, what joins those.
SHARDED = {
    "count_reads": (12, "count_shard", "join_shards"),
    "cluster_sequences": (1, "align_shard", "join_clusters"),
    "align_designed": (1, "align_designed_shard", "join_designed"),
    "predict_expression": (4, "predict_shard", "join_predictions"),
    "predict_contacts": (2, "predict_contact_shard", "join_contacts"),
    "bootstrap_models": (1, "bootstrap_shard", "join_draws"),
}
ALL = "reads: {shards: 3}\ncluster: {shards: 3}\nprediction: {shards: 3}\nranking: {shards: 3}\n"


RANKINGS = ("promoters/ranking.tsv", "synthetic/contact_ranking.tsv")


def planned(folder, overlay, study=TINY, targets=tuple(f"results/tiny/evaluation/{name}" for name in RANKINGS)):
    """Jobs by rule, from reads and contacts to both rankings unless told otherwise."""
    (folder / "shards.yaml").write_text(overlay)
    code, text = snakemake(folder, "-n", "--configfile", str(study), str(folder / "shards.yaml"), "--", *targets)
    assert code == 0, text
    return {rule: int(jobs) for rule, jobs in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}


def test_rules_follow_the_number_of_shards(tmp_path):
    one, three = planned(tmp_path, "seed: 7\n"), planned(tmp_path, ALL)
    for rule, (jobs, shard, join) in SHARDED.items():
        assert one[rule] == jobs
        assert not {shard, join} & set(one)
        assert (three[shard], three[join]) == (3 * jobs, jobs)
        assert rule not in three
    assert three["index_sequences"] == 1


@pytest.mark.parametrize(("shards", "jobs"), [(1, None), (2, 2), (8, 5)])
def test_folds_of_an_assay_are_scored_in_shards(tmp_path, shards, jobs):
    study = CHECKOUT / "config" / "studies" / "profiles_demo.yaml"
    run = yaml.safe_load(study.read_text())["run"]
    assay = pd.read_csv(CHECKOUT / yaml.safe_load(study.read_text())["sheets"]["profiles"], sep="\t")["assay"][0]
    found = planned(
        tmp_path, f"ranking: {{shards: {shards}}}\n", study, [f"results/{run}/profiles/{assay}/summary.tsv"]
    )
    if jobs is None:
        assert found["score_profiles"] == 1
        assert not {"score_profile_shard", "join_profile_scores"} & set(found)
    else:  # an assay of five folds has no more than five
        assert (found["score_profile_shard"], found["join_profile_scores"]) == (jobs, 1)
        assert "score_profiles" not in found
