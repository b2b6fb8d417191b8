"""Rearranged chromosomes against the reference outputs of Orca, and by their properties."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cisflow.contacts.genome import reverse_complement
from cisflow.variants.alleles import Allele, Segment, from_segments, join_breakends

LENGTH = 1000
REFERENCE = Allele.reference("chrT", LENGTH)
BASES = np.random.default_rng(5).integers(0, 4, LENGTH).astype(np.uint8)
ALLELES = {
    "del_200_350": REFERENCE.delete(200, 350),
    "dup_200_350": REFERENCE.duplicate(200, 350),
    "inv_200_350": REFERENCE.invert(200, 350),
    "ins_200_50_minus": REFERENCE.insert(200, 50, "-"),
    "inv_then_del_then_dup": REFERENCE.invert(200, 350).delete(300, 400).duplicate(100, 250),
}


def fetch(source, start, end):
    assert source == "chrT"
    return BASES[start:end]


def as_rows(segments):
    return [[s.start, s.end, s.strand, s.source] for s in segments]


@pytest.fixture(scope="module")
def published(golden):
    return json.loads((golden / "orca" / "structural_golden.json").read_text())["structural_change"]


@pytest.mark.parametrize("name", ALLELES)
def test_segments_and_queries_golden(published, name):
    allele, wanted = ALLELES[name], published[name]
    assert as_rows(allele.segments) == wanted["segments"]
    assert allele.breakpoints == wanted["coord_points"]
    queries = {key: value for key, value in wanted.items() if key.startswith("q_")}
    assert queries
    for key, pieces in queries.items():
        start, end = map(int, key.split("_")[1:])
        assert [[p.source, p.start, p.end, p.strand] for p in allele.pieces(start, end)] == pieces


@pytest.mark.parametrize("orientations", ["++", "+-", "-+", "--"])
def test_breakends_golden(published, orientations):
    wanted = published[f"breakpoint_{orientations}_chrA400_chrB300"]
    allele, junction = join_breakends("chrA", 1000, 400, "chrB", 800, 300, orientations)
    assert as_rows(allele.segments) == wanted["segments"]
    assert (allele.breakpoints, junction) == (wanted["coord_points"], wanted["breakpos"])


def test_two_inversions_cancel_out_unless_compatible(published):
    twice = REFERENCE.invert(200, 350).invert(200, 350)
    assert {segment.strand for segment in twice.segments} == {"+"}
    assert np.array_equal(twice.codes(0, LENGTH, fetch), BASES)
    compatible = REFERENCE.invert(200, 350, compatible=True).invert(200, 350, compatible=True)
    assert as_rows(compatible.segments) == published["double_inversion_quirk"]["segments"]


intervals = st.tuples(st.integers(0, 499), st.integers(0, 499)).filter(lambda p: p[0] != p[1]).map(sorted)


@given(st.lists(st.tuples(st.sampled_from(["delete", "duplicate", "invert"]), intervals), max_size=4))
def test_bases_of_any_chain_are_those_of_the_plain_operations(steps):
    allele, text = REFERENCE, BASES
    for name, (start, end) in steps:
        if end > allele.length:
            continue
        allele = getattr(allele, name)(start, end)
        inside = text[start:end]
        new = {"delete": inside[:0], "duplicate": np.tile(inside, 2), "invert": reverse_complement(inside)}[name]
        text = np.concatenate([text[:start], new, text[end:]])
    assert allele.length == len(text)
    assert np.array_equal(allele.codes(0, allele.length, fetch), text)
    assert np.array_equal(allele.codes(3, len(text) - 1, fetch), text[3:-1])


@given(intervals)
def test_deletion_and_insertion_of_the_same_bases_restores_the_sequence(interval):
    start, end = interval
    for strand, removed in (("+", BASES[start:end]), ("-", reverse_complement(BASES[start:end]))):
        allele = REFERENCE.delete(start, end).insert(start, end - start, strand, "removed")
        assert np.array_equal(allele.codes(0, LENGTH, fetch, {"removed": removed}), BASES)


@given(intervals, intervals)
def test_reverse_lookup_finds_every_base_again(changed, asked):
    for allele in (REFERENCE.duplicate(*changed), REFERENCE.invert(*changed), REFERENCE.delete(*changed)):
        for start, end, strand in allele.positions_of("chrT", *asked):
            pieces = allele.pieces(start, end)
            assert len(pieces) == 1
            assert pieces[0].strand == strand
            assert asked[0] <= pieces[0].start < pieces[0].end <= asked[1]
    covered = sum(end - start for start, end, _ in REFERENCE.duplicate(*changed).positions_of("chrT", *asked))
    overlap = max(0, min(asked[1], changed[1]) - max(asked[0], changed[0]))
    assert covered == asked[1] - asked[0] + overlap


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: REFERENCE.delete(900, 1001),
        lambda: REFERENCE.invert(300, 300),
        lambda: REFERENCE.pieces(-1, 5),
        lambda: REFERENCE.insert(1001, 5),
        lambda: join_breakends("a", 10, 11, "b", 10, 1, "++"),
        lambda: join_breakends("a", 10, 0, "b", 10, 1, "++"),
        lambda: join_breakends("a", 10, 1, "b", 10, 1, "+x"),
        lambda: from_segments([Segment("chrT", 5, 5)], {"chrT": 10}),
        lambda: from_segments([Segment("chrX", 0, 5)], {"chrT": 10}),
        lambda: from_segments([Segment("chrT", 0, 5, "?")], {"chrT": 10}),
    ],
)
def test_positions_outside_are_refused(wrong):
    with pytest.raises(ValueError, match=r"interval|outside|orientations|chromosome|strand"):
        wrong()
