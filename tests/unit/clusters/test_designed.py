"""Reads of designed libraries: nearest ordered sequence against brute force, ties, order, threads, real reads."""

import gzip
import itertools
import subprocess

import numpy as np
import polars as pl
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.clusters.bowtie import find_bowtie2, temporary_index, write_fasta
from cisflow.clusters.designed import alignment_options, assign_to_ordered, nearest_of_shard, nearest_references
from cisflow.clusters.designed_alignment import aligned_to_ordered
from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.elements import count_elements
from cisflow.clusters.neighbours import neighbours
from cisflow.clusters.ordered import OrderedLibrary, ordered_library
from cisflow.problems import InputError
from cisflow.reads.count import ReadSettings, count_reads
from cisflow.reads.ragged import Sequences

TNAC = ReadSettings("TAAGTGCATT {variable:66-84} TTTGCCCTTC", 40, 15, 0.75, 1, False, "either")


def random_sequence(rng, n=80):
    return "".join(rng.choice(list("ACGT"), n))


def edited(text, n, rng):
    """``n`` random substitutions, insertions and deletions, also at the ends."""
    for _ in range(n):
        place, kind = int(rng.integers(len(text) + 1)), rng.integers(3)
        if kind == 0 and place < len(text):
            text = text[:place] + "ACGT"[rng.integers(4)] + text[place + 1 :]
        elif kind == 1:
            text = text[:place] + "ACGT"[rng.integers(4)] + text[place:]
        else:
            text = text[:place] + text[place + 1 :]
    return text


def substitutions(parent):
    """Every single-base variant of a sequence."""
    changes = itertools.product(range(len(parent)), "ACGT")
    return [parent[:i] + base + parent[i + 1 :] for i, base in changes if base != parent[i]]


def brute_force(queries, references, limit):
    letters, others = (Sequences.from_series(pl.Series(texts)) for texts in (queries, references))
    first, second = (part.ravel() for part in np.indices((len(queries), len(references))))
    distances = edits_up_to(letters, others, first, second, limit).reshape(len(queries), -1)
    best = distances.min(axis=1)
    nearest = np.where((distances == best[:, None]).sum(axis=1) > 1, -2, distances.argmin(axis=1))
    found = best <= limit
    return np.where(found, nearest, -1), np.where(found, best, 0)


@pytest.mark.parametrize("kind", ["unrelated", "all variants of one parent", "families"])
def test_nearest_reference_equals_brute_force(kind):
    rng = np.random.default_rng(12)
    if kind == "unrelated":
        references = [random_sequence(rng, int(rng.integers(70, 90))) for _ in range(200)]
    elif kind == "families":
        parents = [random_sequence(rng) for _ in range(20)]
        references = [p for parent in parents for p in [parent, *rng.choice(substitutions(parent), 12, replace=False)]]
    else:  # every seed hits several hundred references
        parent = random_sequence(rng)
        references = [parent, *rng.choice(substitutions(parent), 230, replace=False)]
        references += [edited(parent, 6, rng) for _ in range(300)]
    references = sorted({str(r) for r in references})
    queries = [edited(references[rng.integers(len(references))], int(rng.integers(1, 6)), rng) for _ in range(250)]
    queries = sorted(set(queries) - set(references))
    expected, distance = brute_force(queries, references, 3)
    found, edits = nearest_references(pl.Series(queries), pl.Series(references), 3, threads=2)
    again, _ = nearest_references(pl.Series(queries), pl.Series(references), 3, threads=1)
    assert (found == again).all()
    assert found.tolist() == expected.tolist()
    assert edits.tolist() == distance.tolist()
    assert (found >= 0).sum() > 50
    assert (found == -1).sum() > 10
    if kind != "unrelated":
        assert (found == -2).sum() > 10


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("AC", max_size=7), min_size=1, max_size=8), st.lists(st.text("AC", max_size=7), max_size=8))
def test_neighbours_hold_every_pair_at_distance_one(queries, references):
    letters, others = (Sequences.from_series(pl.Series(texts, dtype=pl.String)) for texts in (queries, references))
    found = {
        (int(q), int(r))
        for query, reference in neighbours(letters, others)
        for q, r in zip(query, reference, strict=True)
    }
    first, second = (part.ravel() for part in np.indices((len(queries), len(references))))
    distances = edits_up_to(letters, others, first, second, 3)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    assert {pair for pair, d in zip(pairs, distances, strict=True) if d <= 1} <= found
    assert found <= {pair for pair, d in zip(pairs, distances, strict=True) if d <= 2}


def test_neighbours_in_many_blocks(monkeypatch):
    rng = np.random.default_rng(9)
    references = [random_sequence(rng) for _ in range(40)]
    queries = [edited(references[i % 40], 1, rng) for i in range(100)]
    monkeypatch.setattr("cisflow.clusters.neighbours.QUERIES_AT_ONCE", 7)
    letters, others = (Sequences.from_series(pl.Series(texts)) for texts in (queries, references))
    query, reference = (np.concatenate(part) for part in zip(*neighbours(letters, others), strict=True))
    assert query.tolist() == list(range(100))
    assert reference.tolist() == [i % 40 for i in range(100)]


def library(sequences):
    names = [f"v{i}" for i in range(len(sequences))]
    return OrderedLibrary(pl.DataFrame({"element": names, "sequence": sequences, "variable": sequences}))


def assign(reads, sequences, max_distance=3, threads=1):
    pooled = pl.DataFrame({"sequence": list(reads), "reads": list(reads.values())}).cast({"reads": pl.UInt64})
    found = assign_to_ordered(pooled, library(sequences), (0, 0), max_distance, "lib", threads)
    rows = found.members.select("sequence", "element", "match", "distance").rows()
    return found, {sequence: tuple(rest) for sequence, *rest in rows}


def test_neighbours_are_not_mixed():
    rng = np.random.default_rng(1)
    parent = random_sequence(rng)
    ordered = [parent, *substitutions(parent)]
    _, got = assign(dict.fromkeys(ordered, 5), ordered)
    assert got == {sequence: (f"v{i}", "exact", 0) for i, sequence in enumerate(ordered)}


def test_ties_are_ambiguous_and_far_reads_unaligned():
    rng = np.random.default_rng(2)
    parent = random_sequence(rng)
    one, two = (parent[:i] + ("A" if parent[i] != "A" else "C") + parent[i + 1 :] for i in (20, 60))
    other = random_sequence(rng)
    between = one[:40] + two[40:]  # one substitution from each of them
    far = edited(other, 40, rng)
    deleted = other[:10] + other[11:]
    _, got = assign({between: 3, far: 2, deleted: 4, other: 1}, [one, two, other])
    assert got[between] == (None, "ambiguous", 1)
    assert got[far] == (None, "unaligned", None)
    assert got[deleted] == ("v2", "mismatches", 1)
    assert got[other] == ("v2", "exact", 0)
    _, exact_only = assign({between: 3, deleted: 4, other: 1}, [one, two, other], max_distance=0)
    assert exact_only[deleted] == (None, "unaligned", None)


def test_reverse_complements_do_not_count():
    rng = np.random.default_rng(3)
    ordered = [random_sequence(rng) for _ in range(3)]
    turned = ordered[0][::-1].translate(str.maketrans("ACGT", "TGCA"))
    _, got = assign({turned: 1, ordered[1]: 1}, ordered)
    assert got[turned] == (None, "unaligned", None)


def test_changes_at_the_very_ends_count_once():
    rng = np.random.default_rng(4)
    ordered = [random_sequence(rng) for _ in range(5)]
    reads = {"T" + ordered[0]: 1, ordered[1] + "CA": 1, ordered[2][1:]: 1, ordered[3][:-2]: 1, "GG" + ordered[4][2:]: 1}
    _, got = assign(reads, ordered)
    assert [got[read] for read in reads] == [
        ("v0", "mismatches", 1),
        ("v1", "mismatches", 2),
        ("v2", "mismatches", 1),
        ("v3", "mismatches", 2),
        ("v4", "mismatches", 2 - (ordered[4][0] == "G") - (ordered[4][1] == "G")),
    ]


def test_counts_hold_every_ordered_sequence_in_order(tmp_path):
    rng = np.random.default_rng(5)
    ordered = [random_sequence(rng) for _ in range(30)]
    wrong = edited(ordered[4], 1, rng)
    reads = {ordered[4]: 7, wrong: 2, ordered[20]: 1, random_sequence(rng): 3}
    found, _ = assign(reads, ordered)
    for name, kept in (("b0", list(reads)), ("b1", [ordered[4]])):
        table = pl.DataFrame({"sequence": kept, "reads": [reads[s] for s in kept]}).cast({"reads": pl.UInt32})
        table.write_parquet(tmp_path / f"{name}.parquet")
    bins = {name: tmp_path / f"{name}.parquet" for name in ("b0", "b1")}
    counts, funnel = count_elements(found, bins, "lib", "designed")
    assert counts["element"].to_list() == [f"v{i}" for i in range(30)]
    assert counts["sequence"].to_list() == ordered
    assert counts["b0"].sum() == 10
    assert counts.row(4)[2:] == (9, 7)
    assert counts.row(20)[2:] == (1, 0)
    steps = {(row[1], row[2]): row[3] for row in funnel.rows()}
    assert steps["b0", "reads to assign"] == 13
    assert steps["b0", "reads equal to an ordered sequence"] == 8
    assert steps["b0", "reads with mismatches"] == 2
    assert steps["b0", "unaligned reads (dropped)"] == 3
    assert steps["b0", "ambiguous reads (dropped)"] == 0
    assert steps["b1", "reads counted"] == 7
    assert steps["all", "elements with reads"] == 2


def test_flanks_of_the_reads_do_not_count(tmp_path):
    rng = np.random.default_rng(6)
    variable = [random_sequence(rng) for _ in range(3)]
    distal, proximal = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
    ordered = OrderedLibrary(
        pl.DataFrame(
            {"element": ["a", "b", "c"], "sequence": [distal + v + proximal for v in variable], "variable": variable}
        )
    )
    reads = [distal + variable[0] + proximal, "A" + distal[1:] + variable[0] + proximal[:-1] + "A"]
    pooled = pl.DataFrame({"sequence": reads, "reads": [2, 1]}).cast({"reads": pl.UInt64})
    found = assign_to_ordered(pooled, ordered, (17, 13), 0, "lib")
    assert found.members.select("element", "match").rows() == [("a", "exact")] * 2


@pytest.fixture(scope="module")
def real_reads(shared_data, tmp_path_factory):
    """Counts of the first 6,000 unsorted reads, and the ordered library."""
    folder = shared_data / "sortseq" / "facs_seq_tnac"
    path = tmp_path_factory.mktemp("tnac") / "reads.fastq"
    with gzip.open(folder / "Lib1.fq.gz", "rt") as lines:
        path.write_text("".join(itertools.islice(lines, 4 * 6000)))
    return count_reads([path], [], TNAC).table, ordered_library(
        folder / "library.tsv.gz", TNAC.parsed, TNAC.keep_flanks
    )


def test_real_reads(real_reads):
    table, ordered = real_reads
    found = assign_to_ordered(table.cast({"reads": pl.UInt64}), ordered, (0, 0), 1, "tnac")
    reads = dict(found.members.group_by("match").agg(pl.col("reads").sum()).iter_rows())
    total = sum(reads.values())
    assert total == 5959
    shares = {match: round(100 * n / total, 1) for match, n in reads.items()}
    assert shares == {"exact": 75.2, "mismatches": 12.2, "ambiguous": 2.0, "unaligned": 10.6}
    others = found.members.filter(pl.col("match") != "exact")
    expected, distance = brute_force(others["sequence"].to_list(), ordered.table["variable"].to_list(), 1)
    names = [{-1: "unaligned", -2: "ambiguous"}.get(int(e), ordered.table["element"][max(int(e), 0)]) for e in expected]
    assert others.select(pl.coalesce("element", "match")).to_series().to_list() == names
    assert others["distance"].fill_null(0).to_list() == distance.tolist()


def test_bowtie2_reports_the_same_edits_as_pysam_reads_them(tmp_path):
    """The number of edits that Bowtie2 writes into its SAM agrees with our distance where both ends are anchored."""
    rng = np.random.default_rng(8)
    ordered = [random_sequence(rng) for _ in range(50)]
    queries = [o[:15] + edited(o[15:65], 2, rng) + o[65:] for o in ordered]
    write_fasta(pl.Series(ordered), tmp_path / "ordered.fa")
    write_fasta(pl.Series(queries), tmp_path / "queries.fa")
    aligner, builder = find_bowtie2()
    run = subprocess.run
    run([builder, "--quiet", tmp_path / "ordered.fa", tmp_path / "index"], check=True, capture_output=True)
    sam = tmp_path / "found.sam"
    run(
        [aligner, *alignment_options(78, 2), "-x", tmp_path / "index", "-U", tmp_path / "queries.fa", "-S", sam],
        check=True,
        capture_output=True,
    )
    with pysam.AlignmentFile(str(sam)) as records:
        edits = {
            int(record.query_name): record.get_tag("NM")
            for record in records
            if not record.is_unmapped and record.query_name == record.reference_name
        }
    _, distance = brute_force(queries, ordered, 2)
    assert len(edits) == 50
    assert [edits[i] for i in range(50)] == distance.tolist()


def test_alignment_stream_equals_the_compiled_parser_in_any_blocks():
    rng = np.random.default_rng(10)
    parent = random_sequence(rng)
    references = pl.Series(
        ["", *substitutions(parent)[:60], random_sequence(rng)]
    )  # the index leaves out the empty one
    queries = pl.Series([edited(references[i], 2, rng) for i in range(1, 40)] + [random_sequence(rng)])
    options = alignment_options(76, 2)
    with temporary_index(references, padding=2) as index:
        plain = set()
        for query, reference in index.pairs(queries, [*options, "--no-head"]):
            plain |= set(zip(query.tolist(), reference.tolist(), strict=True))
        for block in (3, 1 << 16):
            blocks = list(aligned_to_ordered(index, queries, options, block))
            query, reference = (np.concatenate(part).tolist() for part in zip(*blocks, strict=True))
            assert set(zip(query, reference, strict=True)) == plain
            assert max(len(rows) for rows, _ in blocks) <= block
    assert len(plain) > 60


def test_only_sequences_that_the_joins_left_are_aligned(monkeypatch):
    rng = np.random.default_rng(11)
    ordered = [random_sequence(rng) for _ in range(4)]
    two_away = edited(edited(ordered[2], 1, rng)[::-1], 1, rng)[::-1]
    aligned = []

    def recorded(index, queries, options):
        aligned.extend(queries.to_list())
        return aligned_to_ordered(index, queries, options)

    monkeypatch.setattr("cisflow.clusters.designed.aligned_to_ordered", recorded)
    reads = {ordered[0]: 3, "A" + ordered[1]: 2, two_away: 1}
    _, got = assign(reads, ordered, max_distance=2)
    assert aligned == [two_away]
    assert [got[read][0] for read in reads] == ["v0", "v1", "v2"]


def test_too_many_edits_for_the_length():
    with pytest.raises(InputError, match=r"20 edits in sequences of 66 bases leave no seed .*; expected at most 15"):
        alignment_options(66, 20)
    assert "-L 16 -i C,16,0" in " ".join(alignment_options(66, 3))
    assert "-L 31 -i C,33,0" in " ".join(alignment_options(66, 1))


@pytest.mark.parametrize("shards", [2, 7, 40])
def test_any_number_of_shards_gives_the_same_tables(shards):
    rng = np.random.default_rng(shards)
    ordered = library([random_sequence(rng, 40) for _ in range(12)])
    parents = ordered.table["variable"].to_list()
    reads = {edited(parents[i % 12], i % 5, rng) for i in range(60)} | {random_sequence(rng, 40)}
    table = pl.DataFrame({"sequence": sorted(reads), "reads": np.arange(len(reads))})
    whole = assign_to_ordered(table, ordered, (0, 0), 3, "lib")
    parts = [nearest_of_shard(table, ordered, (0, 0), 3, "lib", (shard, shards)) for shard in range(shards)]
    joined = assign_to_ordered(table, ordered, (0, 0), 3, "lib", found=parts)
    assert {"exact", "mismatches", "unaligned"} <= set(whole.members["match"])
    assert joined.members.equals(whole.members)
    assert joined.elements.equals(whole.elements)
