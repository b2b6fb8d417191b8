"""Flanks: places, mismatches, strands."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.reads.flanks import locate_variable_part
from cisflow.reads.ragged import Sequences, contains

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
VARIABLE = "ACGTTGCAAC" * 8


def locate(texts, distal=DISTAL, proximal=PROXIMAL, mismatches=2, both=False):
    return locate_variable_part(Sequences.from_series(pl.Series(texts)), distal, proximal, mismatches, both)


def parts(texts, **options):
    found = locate(texts, **options)
    cut = found.sequences.take(found.found).part(found.start[found.found], found.stop[found.found])
    values = iter(cut.to_series().to_list())
    return [next(values) if ok else None for ok in found.found]


def substitute(text, *places):
    letters = list(text)
    for place in places:
        letters[place] = "ACGT"[("ACGT".index(letters[place]) + 1) % 4]
    return "".join(letters)


def reverse_complement(text):
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


def test_amplicon_and_read_with_bases_around():
    amplicon = DISTAL + VARIABLE + PROXIMAL
    assert parts([amplicon, "GATTACA" + amplicon + "CCCCC"]) == [VARIABLE, VARIABLE]


@pytest.mark.parametrize(("places", "ok"), [((), True), ((3,), True), ((0, 16), True), ((0, 5, 9), False)])
def test_substitutions_in_the_distal_flank(places, ok):
    expected = VARIABLE if ok else None
    assert parts([substitute(DISTAL, *places) + VARIABLE + PROXIMAL]) == [expected]


def test_each_flank_has_its_own_mismatches():
    read = substitute(DISTAL, 1, 2) + VARIABLE + substitute(PROXIMAL, 3, 4)
    found = locate([read])
    assert found.found.all()
    assert found.mismatches.tolist() == [4]
    assert parts([read], mismatches=1) == [None]


def test_n_in_a_flank_is_a_mismatch():
    assert parts(["N" + DISTAL[1:] + VARIABLE + PROXIMAL], mismatches=0) == [None]
    assert parts(["N" + DISTAL[1:] + VARIABLE + PROXIMAL], mismatches=1) == [VARIABLE]


def test_fewest_mismatches_then_leftmost():
    worse, exact = substitute("TAAGTGCATT", 4), "TAAGTGCATT"
    flanks = {"distal": "TAAGTGCATT", "proximal": "TTTGCCCTTC", "mismatches": 1}
    body = "GGGG" + "TTTGCCCTTC"
    assert parts([worse + "CC" + exact + body], **flanks) == ["GGGG"]
    assert parts([exact + "CC" + exact + body], **flanks) == ["CC" + exact + "GGGG"]
    assert parts([exact + body + "AA" + "TTTGCCCTTC"], **flanks) == ["GGGG"]


def test_proximal_flank_must_follow_the_distal_one():
    assert parts([PROXIMAL + VARIABLE + DISTAL], mismatches=0) == [None]
    assert parts([DISTAL + PROXIMAL]) == [""]
    assert parts(["", "ACGT"]) == [None, None]


def test_empty_flanks_take_the_whole_sequence():
    assert parts(["ACGT", ""], distal="", proximal="") == ["ACGT", ""]
    assert parts(["AAACGT"], distal="AAA", proximal="", mismatches=0) == ["CGT"]
    assert parts(["AAACGT"], distal="", proximal="CGT", mismatches=0) == ["AAA"]


def test_both_strands():
    amplicon = "GG" + DISTAL + VARIABLE[:-3] + PROXIMAL + "AAAC"
    reads = [amplicon, reverse_complement(amplicon), "ACGT" * 30]
    assert parts(reads) == [VARIABLE[:-3], None, None]
    found = locate(reads, both=True)
    assert found.reverse.tolist() == [False, True, False]
    assert parts(reads, both=True) == [VARIABLE[:-3], VARIABLE[:-3], None]


def test_the_strand_with_fewer_mismatches_is_taken():
    forward = substitute("TAAGTGCATT", 2) + "CCCC" + "TTTGCCCTTC"
    backward = "TAAGTGCATT" + "GGGA" + "TTTGCCCTTC"
    options = {"distal": "TAAGTGCATT", "proximal": "TTTGCCCTTC", "mismatches": 1, "both": True}
    assert parts([forward + "ACAC" + reverse_complement(backward)], **options) == ["GGGA"]
    assert parts([backward + "ACAC" + reverse_complement(forward)], **options) == ["GGGA"]


def plain_best(text, flank, start, stop, mismatches):
    places = range(start, stop - len(flank) + 1)
    scored = [(sum(a != b for a, b in zip(text[p:], flank, strict=False)), p) for p in places]
    scored = [s for s in scored if s[0] <= mismatches]
    return min(scored, default=None)


@settings(max_examples=150, deadline=None)
@given(st.text("ACN", max_size=25), st.text("AC", max_size=4), st.text("AC", max_size=4), st.integers(0, 2))
def test_equal_to_a_plain_search(text, distal, proximal, mismatches):
    expected = None
    first = plain_best(text, distal, 0, len(text) - len(proximal), mismatches) if distal else (0, 0)
    if first is not None:
        start = first[1] + len(distal)
        last = plain_best(text, proximal, start, len(text), mismatches) if proximal else (0, len(text))
        expected = None if last is None else text[start : last[1]]
    assert parts([text], distal=distal, proximal=proximal, mismatches=mismatches) == [expected]


def test_ragged_sequences():
    texts = ["ACGTN", "", "GGA"]
    sequences = Sequences.from_series(pl.Series(texts))
    assert sequences.to_series().to_list() == texts
    assert sequences.reverse_complement().to_series().to_list() == ["NACGT", "", "TCC"]
    assert contains(sequences, "N").tolist() == [True, False, False]
    assert Sequences.from_series(pl.Series(texts).slice(1)).to_series().to_list() == texts[1:]
    assert len(Sequences.from_series(pl.Series([], dtype=pl.String))) == 0
    assert sequences.take(np.array([2, 0])).to_series().to_list() == ["GGA", "ACGTN"]
