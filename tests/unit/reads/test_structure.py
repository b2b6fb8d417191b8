"""Read structure: what a line means, where its faults are, and what is cut out of reads."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.problems import InputError
from cisflow.reads.extract import extract, extract_pairs
from cisflow.reads.flanks import locate_variable_part
from cisflow.reads.ragged import Sequences
from cisflow.reads.structure import parse_structure, strand_problems

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
PROMOTER = f"{DISTAL} {{variable:48-112}} {PROXIMAL}"


def cut(line, reads, mismatches=1, both=False, keep=False, **barcode):
    sequences = Sequences.from_series(pl.Series(reads, dtype=pl.String))
    return extract(sequences, parse_structure(line), mismatches, both, keep, **barcode)


def texts(found, name="counted", mask="found"):
    values = getattr(found, name).to_series().to_list()
    return [value if ok else None for value, ok in zip(values, getattr(found, mask), strict=True)]


def turn(text):
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


def test_the_line_of_the_published_libraries():
    structure = parse_structure(PROMOTER)
    assert (structure.distal_flank, structure.proximal_flank) == (DISTAL, PROXIMAL)
    assert (structure.min_variable_length, structure.max_variable_length) == (48, 112)
    assert (structure.umi_length, structure.barcode_length) == (0, 0)
    assert structure.is_plain
    assert structure.flank_lengths(True) == (17, 13)
    assert structure.flank_lengths(False) == (0, 0)


def test_blanks_are_optional():
    line = "{umi:8}ACGT{barcode:6}TT{variable:20}{skip:2}GG"
    spaced = " { umi : 8 } AC GT {barcode:6} TT {variable:20-20} {skip:2} GG "
    kinds = [(part.kind, part.bases, part.least, part.most) for part in parse_structure(line).parts]
    assert kinds == [(part.kind, part.bases, part.least, part.most) for part in parse_structure(spaced).parts]
    structure = parse_structure(line)
    assert (structure.distal_flank, structure.proximal_flank) == ("TT", "")
    assert (structure.umi_length, structure.barcode_length, structure.is_plain) == (8, 6, False)


@pytest.mark.parametrize(
    ("line", "said", "place"),
    [
        ("ACGT {variabel:20} GG", "unknown part: 'variabel' is not one of: variable", 6),
        ("ACGT {variable:20 GG", "not closed", 5),
        ("ACGT {variable} GG", "expected a part like {variable:48-112}", 5),
        ("ACGT {variable:20-10}", "20 is greater than 10", 15),
        ("ACGT {variable:0-10}", "a variable needs one base or more", 15),
        ("ACGT {umi:4-8} {variable:9}", "a umi needs one length", 10),
        ("ACGN {variable:9}", "'N': expected A, C, G, T or a part in braces", 3),
        ("acgt {variable:9}", "bases are written in capitals", 0),
        ("ACGT {umi:4}", "no variable part", 12),
        ("{variable:9} A {variable:9}", "a second variable", 15),
        ("{umi:9} A {variable:9} C {umi:2}", "a second umi", 25),
        ("ACGT {skip:0-3} {variable:9}", "needs a literal between it and the variable part", 5),
        ("{variable:9}{skip:0-3}", "needs a literal between it and the variable part", 12),
        ("A {skip:0-3} {umi:4} {skip:0-2} C {variable:9}", "without a literal between", 21),
        ("A {variable:9} /", "nothing on one side of '/'", 15),
        ("A {variable:9} / C / {umi:4}", "a second '/'", 19),
        ("A {variable:9} / C {variable:9}", "a second variable", 19),
        ("A {umi:4} / C", "no variable part", 13),
        ("A {variable:9} / C {skip:0-3}", "or the end of the mate", 19),
    ],
)
def test_faults_are_shown_under_the_line(line, said, place):
    with pytest.raises(InputError) as error:
        parse_structure(line)
    message = str(error.value)
    assert said in message
    assert f"\n      {line}\n      {' ' * place}^" in message


def test_all_faults_at_once():
    with pytest.raises(InputError) as error:
        parse_structure("ACXT {umi:0} {variable:8-2")
    assert len(error.value.problems) == 3


def test_umi_and_barcode_beside_a_literal():
    read = "GG" + "AAAACCCC" + "TTAGGC" + "GATTAC" + "CATCATCA" + "TTGACC" + "ACA"
    found = cut("{umi:8} TTAGGC {barcode:6} {variable:5-10} TTGACC {skip:3}", [read, read[3:], read[:-1]])
    assert found.found.tolist() == [True, False, False]  # no room for the UMI; nothing to skip
    assert texts(found)[0] == "CATCATCA"
    assert texts(found, "umi")[0] == "AAAACCCC"
    assert texts(found, "barcode")[0] == "GATTAC"


def test_parts_at_the_ends_of_the_read():
    read = "AAAACC" + "GT" + "TTAGGC" + "CATCATCA" + "TTGACC" + "G" + "TTTTTTTT"
    line = "{barcode:6} {skip:0-3} TTAGGC {variable:5-10} TTGACC {skip:1-2} {umi:8}"
    reads = [read, "CC" + read, read[2:], read[:-1], read + "A", read + "AA"]
    found = cut(line, reads)
    assert found.found.tolist() == [True, False, True, False, True, False]
    assert texts(found, "barcode")[0] == "AAAACC"
    assert texts(found, "umi")[:5] == ["TTTTTTTT", None, "TTTTTTTT", None, "TTTTTTTA"]
    assert cut(line, [turn(read)]).found.tolist() == [False]
    turned = cut(line, [turn(read)], both=True)
    assert turned.reverse.tolist() == [True]
    assert [texts(turned, name) for name in ("counted", "umi", "barcode")] == [["CATCATCA"], ["TTTTTTTT"], ["AAAACC"]]


def test_an_outer_skip_ties_the_literal_to_the_end_of_the_read():
    reads = ["TTAGGCCATCATCA", "AATTAGGCCATCATCA", "AAAATTAGGCCATCATCA"]
    assert cut("TTAGGC {variable:8}", reads).found.all()
    assert cut("{skip:0-3} TTAGGC {variable:8}", reads).found.tolist() == [True, True, False]
    assert cut("{skip:2} TTAGGC {variable:8}", reads).found.tolist() == [False, True, False]
    assert cut("{skip:2} {umi:2} TTAGGC {variable:8}", reads).found.tolist() == [False, False, True]


def test_without_literals_parts_lie_at_the_ends():
    reads = ["AAAACCCCCCGG", "AAAAGG", "AAAAG"]
    found = cut("{umi:4} {variable:1-6} {barcode:2}", reads)
    assert found.found.tolist() == [True, True, False]
    assert found.length_ok.tolist() == [True, False, False]
    assert texts(found) == ["CCCCCC", "", None]
    assert texts(found, "barcode")[0] == "GG"


def test_a_variable_part_of_fixed_length_ends_where_the_length_is_reached():
    reads = ["TTAGGCCATCATCAGGGG", "TTAGGCCATCATCA", "TTAGGCCATCA"]
    found = cut("TTAGGC {variable:8}", reads)
    assert texts(found) == ["CATCATCA", "CATCATCA", "CATCA"]
    assert found.length_ok.tolist() == [True, True, False]
    assert texts(cut("TTAGGC {variable:8} {umi:3}", reads), "umi") == ["GGG", None, None]
    before = cut("{umi:2} {variable:4} TTAGGC", ["GGGACATCTTAGGC", "CATCTTAGGC", "ATCTTAGGC"])
    assert texts(before) == ["CATC", "TC", "C"]
    assert texts(before, "umi") == ["GA", "CA", "AT"]
    assert before.length_ok.tolist() == [True, False, False]
    assert texts(cut("{barcode:2} {variable:4}", ["GGACGTTT"])) == ["ACGT"]


def test_flanks_are_kept_as_read():
    read = "GG" + "TTAGCC" + "CATCATCA" + "TTGACC" + "ACA"
    assert texts(cut("TTAGGC {variable:5-10} TTGACC", [read], keep=True)) == ["TTAGCCCATCATCATTGACC"]
    line = "{umi:2} TTAGGC {skip:1} {variable:5-10} TTGACC"
    assert texts(cut(line, [read], keep=True)) == ["ATCATCATTGACC"]  # the literal before is not beside it


def test_each_literal_has_its_own_mismatches():
    line = "TTAGGC {barcode:4} CCAATT {variable:3-9}"
    reads = ["TTAGCC" + "AAAA" + "CCAAAT" + "GATTA", "TTACCC" + "AAAA" + "CCAATT" + "GATTA"]
    found = cut(line, reads)
    assert found.found.tolist() == [True, False]
    assert found.mismatches.tolist()[0] == 2


def test_barcodes():
    reads = [f"{code}TTAGGCCATCATCA" for code in ("ACGTAC", "ACGTAA", "ACGTTT", "ACGNAC", "GGGGGG")]
    line = "{barcode:6} TTAGGC {variable:8}"
    near = [cut(line, reads, barcode="ACGTAC", barcode_mismatches=k).barcode_ok.tolist() for k in range(3)]
    assert near[0] == [True, False, False, False, False]
    assert near[1] == [True, True, False, True, False]
    assert near[2] == [True, True, True, True, False]
    assert cut(line, reads).barcode_ok.all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ACGTN", max_size=40), max_size=8),
    st.text("ACGT", max_size=5),
    st.text("ACGT", max_size=5),
    st.integers(0, 2),
    st.booleans(),
)
def test_flanks_and_variable_part_as_found_between_two_flanks(reads, distal, proximal, mismatches, both):
    found = cut(f"{distal} {{variable:2-30}} {proximal}", reads, mismatches, both)
    plain = locate_variable_part(
        Sequences.from_series(pl.Series(reads, dtype=pl.String)), distal, proximal, mismatches, both
    )
    assert found.found.tolist() == plain.found.tolist()
    assert found.reverse.tolist() == plain.reverse.tolist()
    length = plain.stop - plain.start
    assert found.length_ok.tolist() == (plain.found & (length >= 2) & (length <= 30)).tolist()
    cuts = plain.sequences.part(plain.start, plain.stop).to_series().to_list()
    assert texts(found) == [text if ok else None for text, ok in zip(cuts, plain.found, strict=True)]


@pytest.mark.parametrize("n_before", [0, 3])
def test_the_place_of_the_read_before_is_only_a_hint(n_before):
    """Reads with two exact copies, or a better copy elsewhere, behind reads that have it in one place."""
    rng = np.random.default_rng(2)
    flank = "TTAGGCACGTTAGCATTACA"  # longer than a word
    body = ["".join(rng.choice(list("ACGT"), 12)) for _ in range(5)]
    usual = ["GGG" + flank + b for b in body][:n_before]
    twice = "C" + flank + "GA" + flank + body[3]
    wrong = flank[:3] + "C" + flank[4:]
    better_later = "GGG" + wrong + "A" + flank + body[4]
    found = cut(f"{flank} {{variable:3-99}}", [*usual, twice, better_later, *usual], mismatches=1)
    expected = [r[3 + len(flank) :] for r in usual]
    assert texts(found) == [*expected, "GA" + flank + body[3], body[4], *expected]


def test_a_structure_for_each_mate():
    line = "{skip:0-2} TTAGGC {variable:5-10} / {umi:4} GGAACC {barcode:3}"
    structure = parse_structure(line)
    assert (structure.variable_mate, structure.distal_flank, structure.umi_length) == (1, "TTAGGC", 4)
    assert (structure.barcode_length, structure.max_variable_length, structure.is_plain) == (3, 10, False)
    read1 = ["TTAGGCCATCATCA", "GTTAGGCCATCATCA", "TTAGGCCATC", "AAAAAAAAAAAAAA", "TTAGGCCATCATCA"]
    read2 = ["AACCGGAACCTTTGGG", "ATTACGGGAACCTGT", "AACCGGAACCTTT", "AACCGGAACCTTT", "AACCGGAACCTT"]
    mates = [Sequences.from_series(pl.Series(reads)) for reads in (read1, read2)]
    found = extract_pairs(*mates, structure, 1, True, barcode="TTT")
    assert found.found.tolist() == [True, True, True, False, False]  # no literal; no room for the barcode
    assert found.length_ok.tolist() == [True, True, False, False, False]
    assert found.barcode_ok.tolist() == [True, False, True, False, False]
    assert texts(found)[:3] == ["TTAGGCCATCATCA", "TTAGGCCATCATCA", "TTAGGCCATC"]
    assert texts(found, "umi")[:3] == ["AACC", "TACG", "AACC"]
    exchanged = extract_pairs(*mates[::-1], parse_structure(" / ".join(line.split(" / ")[::-1])), 1, True, "TTT")
    for name in ("counted", "umi", "barcode"):
        assert texts(exchanged, name) == texts(found, name)


def test_a_structure_for_each_mate_knows_the_strand():
    assert "is for merged pairs and single reads" in str(
        strand_problems(parse_structure("A{variable:9}/C"), "either")[0]
    )
    assert not strand_problems(parse_structure("A{variable:9}/C"), "forward")


LITERALS = ("ACCGTTAGGCAT", "GGATCCTAACTG", "TTGACCAGTCAA", "CAGGTATTCCGA")


@st.composite
def sides(draw, outer):
    """Elements of one side, outer end first: literals with parts of fixed length and skips between them."""
    n_literals = draw(st.integers(0, 2))
    line = [("skip", 0, draw(st.integers(1, 4)))] if n_literals and draw(st.booleans()) else []
    for number in range(n_literals):
        line.append(("literal", LITERALS[outer * 2 + number]))
        if number < n_literals - 1 and draw(st.booleans()):
            line.append(("skip", 0, 3))
    extra = draw(st.sampled_from([None, "umi" if outer else "barcode"]))
    if extra:
        line.insert(draw(st.integers(1 if line and line[0][0] == "skip" else 0, len(line))), (extra, 5, 5))
    return line


@settings(max_examples=80, deadline=None)
@given(sides(0), sides(1), st.integers(0, 2**32 - 1), st.booleans())
def test_parts_of_any_structure_come_back_from_reads_made_by_it(left, right, seed, both):
    rng = np.random.default_rng(seed)
    elements = [*left, ("variable", 20, 30), *right[::-1]]
    line = " ".join(e[1] if e[0] == "literal" else f"{{{e[0]}:{e[1]}-{e[2]}}}" for e in elements)
    structure = parse_structure(line.replace("umi:5-5", "umi:5").replace("barcode:5-5", "barcode:5"))
    reads, made = [], {"variable": [], "umi": [], "barcode": []}
    for _ in range(8):
        parts = []
        for kind, *given_ in elements:
            bases = (
                given_[0]
                if kind == "literal"
                else "".join(rng.choice(list("ACGT"), rng.integers(*given_, endpoint=True)))
            )
            parts.append(bases)
            if kind in made:
                made[kind].append(bases)
        reads.append("".join(parts))
    turned = [turn(read) if both and structure.has_literal and i % 2 else read for i, read in enumerate(reads)]
    found = extract(Sequences.from_series(pl.Series(turned)), structure, 1, both and structure.has_literal, False)
    assert found.length_ok.all()
    assert texts(found) == made["variable"]
    for kind in ("umi", "barcode"):
        assert texts(found, kind) == (made[kind] or [""] * len(reads))
