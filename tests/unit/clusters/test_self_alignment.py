"""Clusters of random libraries: what joins and what does not, chains, order, threads, the guard, the counts."""

from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.clusters.bowtie import find_bowtie2, temporary_index
from cisflow.clusters.elements import Elements, count_elements, pool
from cisflow.clusters.methods import cluster_library
from cisflow.clusters.naming import named_clusters
from cisflow.clusters.self_alignment import (
    AlignmentSettings,
    check_query_ends,
    flank_lengths,
    self_alignment_options,
)
from cisflow.files import write_table
from cisflow.problems import InputError

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
FLANKS = (len(DISTAL), len(PROXIMAL))
SETTINGS = {"method": "bowtie2", "max_distance": 3, "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}
PUBLISHED = AlignmentSettings(seed_mismatches=1, seed_length=18)


def random_variable(rng, n=80):
    return "".join(rng.choice(list("ACGT"), n))


def amplicon(variable):
    return DISTAL + variable + PROXIMAL


def substitute(text, places):
    letters = list(text)
    for place in places:
        letters[place] = "ACGT"[("ACGT".index(letters[place]) + 1) % 4]
    return "".join(letters)


def reverse_complement(text):
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def clusters_of(sequences, reads=None, threads=1, flanks=FLANKS):
    pooled = pl.DataFrame({"sequence": sequences, "reads": reads or [1] * len(sequences)}).cast({"reads": pl.UInt64})
    found = cluster_library(pooled, "lib", SETTINGS, flanks, threads)
    return found, dict(found.members.select("sequence", "element").iter_rows())


def changed(parent, change, rng):
    kind, _, size = change.partition(" ")
    n = int(size or 0)
    if kind == "substitutions":
        return substitute(parent, rng.choice(80, n, replace=False))
    if kind == "deletion":
        return parent[:30] + parent[30 + n :]
    if kind == "insertion":
        return parent[:30] + random_variable(rng, n) + parent[30:]
    return reverse_complement(parent)


@pytest.mark.parametrize(
    ("change", "joins"),
    [
        *((f"substitutions {n}", True) for n in (1, 2, 4, 7)),
        *((f"substitutions {n}", False) for n in (9, 10)),
        *((f"{kind} {n}", True) for kind in ("deletion", "insertion") for n in (1, 3, 5)),
        ("reversed", True),
    ],
)
def test_known_families(change, joins):
    rng = np.random.default_rng(11)
    parents = [random_variable(rng) for _ in range(40)]
    children = [changed(parent, change, rng) for parent in parents]
    found, element = clusters_of([amplicon(v) for v in parents + children])
    together = [element[amplicon(p)] == element[amplicon(c)] for p, c in zip(parents, children, strict=True)]
    assert together == [joins] * 40
    assert len(found.elements) == (40 if joins else 80)  # unrelated families never join


def test_chains_are_one_cluster():
    rng = np.random.default_rng(2)
    chain = [random_variable(rng)]
    for step in range(4):
        chain.append(substitute(chain[-1], range(step * 16, step * 16 + 16, 3)))
    assert sum(a != b for a, b in zip(chain[0], chain[-1], strict=True)) > 20
    found, _ = clusters_of([amplicon(v) for v in chain])
    assert len(found.elements) == 1


@pytest.fixture(scope="module")
def library():
    """600 parents with one-base variants, and their reads."""
    rng = np.random.default_rng(4)
    parents = [random_variable(rng) for _ in range(300)]
    variants = {amplicon(substitute(p, [int(rng.integers(80))])) for p in parents for _ in range(2)}
    sequences = sorted({*(amplicon(p) for p in parents), *variants})
    return sequences, rng.integers(1, 6, len(sequences)).tolist(), {amplicon(p) for p in parents}


def test_clusters_do_not_depend_on_order_or_threads(library, tmp_path):
    sequences, reads, parents = library
    order = np.random.default_rng(0).permutation(len(sequences))
    runs = [
        clusters_of(sequences, reads)[0],
        clusters_of([sequences[i] for i in order], [reads[i] for i in order])[0],
        clusters_of(sequences, reads, threads=2)[0],
    ]
    assert len(runs[0].elements) == len(parents)
    for i, run in enumerate(runs):
        write_table(run.members, tmp_path / f"{i}.members.parquet")
        write_table(run.elements, tmp_path / f"{i}.elements.parquet")
    for name in ("members", "elements"):
        assert len({(tmp_path / f"{i}.{name}.parquet").read_bytes() for i in range(3)}) == 1


def test_representative_has_most_reads_and_ties_go_by_the_alphabet(library):
    sequences, reads, _ = library
    found, _ = clusters_of(sequences, reads)
    for _, members in found.members.group_by("element"):
        best = min(members.rows(), key=lambda row: (-row[2], row[0]))
        assert members.filter(pl.col("match") == "representative")["sequence"].to_list() == [best[0]]
        assert found.elements.filter(pl.col("element") == best[1])["sequence"].to_list() == [best[0]]


def test_elements_are_named_by_rank(library):
    sequences, reads, _ = library
    found, _ = clusters_of(sequences, reads)
    totals = found.members.group_by("element").agg(pl.col("reads").sum()).join(found.elements, on="element")
    ranked = sorted(totals.rows(), key=lambda row: (-row[1], row[2]))
    assert [row[0] for row in ranked] == found.elements["element"].to_list()
    assert found.elements["element"][0] == "lib_001"


def test_reads_of_each_bin_are_kept(library, tmp_path):
    sequences, _, parents = library
    rng = np.random.default_rng(9)
    totals = {}
    bins = {name: tmp_path / f"{name}.parquet" for name in ("low", "high", "empty")}
    for name, path in bins.items():
        chosen = [] if name == "empty" else [s for s in sequences if rng.random() < 0.7]
        reads = np.array([rng.integers(20, 60) if s in parents else rng.integers(1, 3) for s in chosen], np.int64)
        totals[name] = int(reads.sum())
        table = pl.DataFrame({"sequence": chosen, "reads": reads}, schema={"sequence": pl.String, "reads": pl.UInt32})
        table.write_parquet(path)
    pooled = pool(list(bins.values()))
    assert pooled["reads"].sum() == sum(totals.values())
    found = cluster_library(pooled, "lib", SETTINGS, FLANKS)
    counts, funnel = count_elements(found, bins, "lib", "random")
    assert counts.columns == ["element", "sequence", "low", "high", "empty"]
    assert counts["element"].to_list() == found.elements["element"].to_list()
    assert {name: counts[name].sum() for name in bins} == totals
    steps = {(row[1], row[2]): row[3] for row in funnel.rows()}
    assert steps["low", "reads to assign"] == steps["low", "reads counted"] == totals["low"]
    assert steps["low", "reads of representatives"] + steps["low", "reads of other members"] == totals["low"]
    assert steps["all", "elements"] == len(counts) <= len(parents)


def test_lost_reads_are_an_error(library, tmp_path):
    sequences, reads, _ = library
    found, _ = clusters_of(sequences[:50], reads[:50])
    table = pl.DataFrame({"sequence": sequences[:51], "reads": reads[:51]}).cast({"reads": pl.UInt32})
    table.write_parquet(tmp_path / "bin.parquet")
    with pytest.raises(RuntimeError, match=r"bin b: \d+ reads before, but \d+ counted and 0 dropped"):
        count_elements(found, {"b": tmp_path / "bin.parquet"}, "lib", "random")


def test_reads_counted_twice_are_an_error(tmp_path):
    """A sequence that is a member of two elements."""
    pl.DataFrame({"sequence": ["A", "C"], "reads": [4, 3]}).cast({"reads": pl.UInt32}).write_parquet(tmp_path / "b")
    members = pl.DataFrame({"sequence": ["A", "A", "C"], "element": ["x", "y", "y"], "match": ["representative"] * 3})
    elements = Elements(members, pl.DataFrame({"element": ["x", "y"], "sequence": ["A", "C"]}))
    with pytest.raises(RuntimeError, match="library lib, bin low: 7 reads before, but 11 counted and 0 dropped"):
        count_elements(elements, {"low": tmp_path / "b"}, "lib", "random")


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 10**6))
def test_reads_of_each_bin_are_kept_whatever_the_clusters(n, n_bins, seed):
    rng = np.random.default_rng(seed)
    sequences = [f"S{i}" for i in range(n)]
    with TemporaryDirectory() as folder:
        bins = {f"b{i}": f"{folder}/{i}.parquet" for i in range(n_bins)}
        totals = {}
        for name, path in bins.items():
            chosen = rng.random(n) < 0.6
            table = pl.DataFrame({"sequence": sequences, "reads": rng.integers(1, 2**32 - 1, n)}).filter(chosen)
            table.cast({"reads": pl.UInt32}).write_parquet(path)
            totals[name] = int(table["reads"].sum())
        pooled = pool(list(bins.values()))
        found = named_clusters(pooled, rng.integers(0, n, len(pooled)), "lib")
        counts, _ = count_elements(found, bins, "lib", "random")
    assert {name: int(counts[name].sum()) for name in bins} == totals
    assert int(found.members["reads"].sum()) == sum(totals.values())


def test_published_options():
    assert " ".join(self_alignment_options(PUBLISHED, 17, 13)) == "-N 1 -L 18 -a -f --no-sq --no-head -5 17 -3 13"


def test_flanks_are_trimmed_only_when_the_sequences_carry_them():
    reads = {"structure": f"{DISTAL} {{variable:48-112}} {PROXIMAL}", "keep_flanks": True}
    assert flank_lengths(reads) == (17, 13)
    assert flank_lengths({**reads, "keep_flanks": False}) == (0, 0)


def test_untrimmed_queries_are_refused_before_bowtie2_starts(monkeypatch):
    rng = np.random.default_rng(6)
    sequences = pl.Series([amplicon(random_variable(rng)) for _ in range(300)])
    monkeypatch.setattr("cisflow.clusters.self_alignment.temporary_index", None)
    with pytest.raises(InputError) as error:
        clusters_of(sequences.to_list(), flanks=(0, 0))
    assert f"300 of 300 query sequences begin with the same bases {DISTAL[:12]}" in str(error.value)
    assert "a thousand times as long" in str(error.value)
    with pytest.raises(InputError, match="end with the same bases"):
        check_query_ends(sequences, 17, 0)
    check_query_ends(sequences, 17, 13)


def test_no_sequences():
    with pytest.raises(InputError, match="reads of library lib: no sequence is left in any bin"):
        clusters_of([])


def test_missing_bowtie2_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(InputError) as error:
        find_bowtie2()
    assert "conda install -c conda-forge -c bioconda bowtie2" in str(error.value)
    assert "sudo apt-get install bowtie2" in str(error.value)


def test_failing_bowtie2_is_an_error_with_its_message():
    with (
        temporary_index(pl.Series(["ACGT" * 20])) as index,
        pytest.raises(RuntimeError, match="bowtie2 ended with code"),
    ):
        list(index.pairs(pl.Series(["ACGT" * 20]), ["-f", "--no-head", "--no-such-option"]))


def test_alignment_stream_does_not_depend_on_its_blocks(library):
    sequences = pl.Series(library[0][:100])
    with temporary_index(sequences) as index:
        runs = []
        for block_bytes in (50, 1 << 22):
            blocks = list(index.pairs(sequences, self_alignment_options(PUBLISHED, *FLANKS), block_bytes=block_bytes))
            runs.append([np.concatenate(part).tolist() for part in zip(*blocks, strict=True)])
    assert runs[0] == runs[1]
    assert set(zip(*runs[0], strict=True)) >= {(i, i) for i in range(100)}
