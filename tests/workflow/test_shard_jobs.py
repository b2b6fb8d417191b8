"""Shards in the DAG: one job per bin without them; a job per shard and one that joins them with them."""

from __future__ import annotations

import re

import pytest

from running import TINY, snakemake

pytestmark = pytest.mark.dag


def planned(folder, shards):
    """Jobs by rule, for the counts of one bin."""
    (folder / "shards.yaml").write_text(f"reads: {{shards: {shards}}}\n")
    target = "results/tiny/reads/random/bin2.parquet"
    code, text = snakemake(folder, "-n", "--configfile", str(TINY), str(folder / "shards.yaml"), "--", target)
    assert code == 0, text
    return dict(re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE))


def test_rules_follow_the_number_of_shards(tmp_path):
    one, three = planned(tmp_path, 1), planned(tmp_path, 3)
    assert one["count_reads"] == "1"
    assert not {"count_shard", "join_shards"} & set(one)
    assert (three["count_shard"], three["join_shards"]) == ("3", "1")
    assert "count_reads" not in three
