"""Shards in the DAG: one job without them; with them a job per shard, and one that joins them."""

from __future__ import annotations

import re

import pytest

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


def planned(folder, overlay):
    """Jobs by rule, from reads and contacts to both rankings."""
    (folder / "shards.yaml").write_text(overlay)
    targets = [f"results/tiny/evaluation/{name}" for name in ("promoters/ranking.tsv", "synthetic/contact_ranking.tsv")]
    code, text = snakemake(folder, "-n", "--configfile", str(TINY), str(folder / "shards.yaml"), "--", *targets)
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
