"""The rules that cluster a library: no extra jobs without shards, one job per shard with them."""

import pytest

from running import TINY, snakemake

pytestmark = pytest.mark.dag


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{}", {"cluster_sequences": 1}),
        ("{shards: 3}", {"index_sequences": 1, "align_shard": 3, "join_clusters": 1}),
        ("{method: pieces}", {"cluster_sequences": 1}),
    ],
)
def test_jobs_of_a_random_library(settings, expected, tmp_path):
    (tmp_path / "overlay.yaml").write_text(f"cluster: {settings}\n")
    target = "results/tiny/clusters/random.counts.parquet"
    code, text = snakemake(tmp_path, "-n", "--configfile", str(TINY), str(tmp_path / "overlay.yaml"), "--", target)
    assert code == 0, text
    rows = [line.split() for line in text.splitlines()]
    jobs = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    clustering = ("cluster_sequences", "index_sequences", "align_shard", "join_clusters")
    assert {name: n for name, n in jobs.items() if name in clustering} == expected
