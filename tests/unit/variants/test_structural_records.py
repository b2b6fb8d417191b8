"""Records of VCF files as rearranged chromosomes: bases at every junction, refusals, and real call sets."""

import gzip
from collections import Counter

import numpy as np
import pytest

from cisflow.contacts.genome import reverse_complement
from cisflow.problems import InputError
from cisflow.variants.structural import Change, Refusal, read_change
from cisflow.variants.vcf import BadLine, read_records

HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
rng = np.random.default_rng(11)
GENOME = {"chr1": rng.integers(0, 4, 100).astype(np.uint8), "chr2": rng.integers(0, 4, 80).astype(np.uint8)}
LENGTHS = {name: len(codes) for name, codes in GENOME.items()}
ONE, TWO = GENOME["chr1"], GENOME["chr2"]


def letters(codes):
    return "".join("ACGTN"[code] for code in codes)


def numbers(text):
    return np.array(["ACGTN".index(base) for base in text], dtype=np.uint8)


def base(chromosome, position):
    return letters(GENOME[chromosome][position - 1 : position])


def changes(tmp_path, *lines):
    path = tmp_path / "calls.vcf"
    path.write_text(HEADER + "".join(line + "\n" for line in lines))
    return [
        read_change(record, alternative, LENGTHS)
        for record in read_records(path)
        for alternative in record.alternatives
    ]


def sequence(change):
    texts = {name: numbers(text) for name, text in change.texts.items()}
    return change.allele.codes(0, change.allele.length, lambda name, start, end: GENOME[name][start:end], texts)


def line(position, reference, alternative, info=".", chromosome="chr1"):
    return f"{chromosome}\t{position}\tid\t{reference}\t{alternative}\t.\t.\t{info}"


@pytest.mark.parametrize(
    ("alternative", "info", "expected", "points"),
    [
        ("<DEL>", "END=30", [ONE[:20], ONE[30:]], [20]),
        ("<DEL>", "SVLEN=-10", [ONE[:20], ONE[30:]], [20]),
        ("<DUP:TANDEM>", "END=30", [ONE[:30], ONE[20:]], [30]),
        ("<INV>", "END=30", [ONE[:20], reverse_complement(ONE[20:30]), ONE[30:]], [20, 30]),
        ("<INS>", "END=20;SEQ=ACGTA", [ONE[:20], numbers("ACGTA"), ONE[20:]], [20, 25]),
        ("<TRA>", "CHR2=chr2;END=40;CT=3to5", [ONE[:20], TWO[39:]], [20]),
        ("<TRA>", "CHR2=chr2;END=40;CT=3to3", [ONE[:20], reverse_complement(TWO[:40])], [20]),
        ("<TRA>", "CHR2=chr2;END=40;CT=5to5", [reverse_complement(ONE[19:]), TWO[39:]], [81]),
        ("<TRA>", "CHR2=chr2;END=40;CT=5to3", [reverse_complement(ONE[19:]), reverse_complement(TWO[:40])], [81]),
    ],
)
def test_symbolic_alleles(tmp_path, alternative, info, expected, points):
    (change,) = changes(tmp_path, line(20, base("chr1", 20), alternative, info))
    assert np.array_equal(sequence(change), np.concatenate(expected))
    assert change.allele_points == points


@pytest.mark.parametrize(
    ("alternative", "expected"),
    [
        # The four forms of the specification, section 5.4: what is kept of here (20) and of the mate (40).
        ("{t}[chr2:40[", [ONE[:20], TWO[39:]]),
        ("{t}]chr2:40]", [ONE[:20], reverse_complement(TWO[:40])]),
        ("]chr2:40]{t}", [TWO[:40], ONE[19:]]),
        ("[chr2:40[{t}", [reverse_complement(TWO[39:]), ONE[19:]]),
        ("{t}GGA[chr2:40[", [ONE[:20], numbers("GGA"), TWO[39:]]),
        ("]chr2:40]GGA{t}", [TWO[:40], numbers("GGA"), ONE[19:]]),
        ("{t}[<chr2>:40[", [ONE[:20], TWO[39:]]),
    ],
)
def test_breakends_in_all_orientations(tmp_path, alternative, expected):
    t = base("chr1", 20)
    (change,) = changes(tmp_path, line(20, t, alternative.format(t=t), "SVTYPE=BND"))
    assert change.kind == "breakend"
    assert np.array_equal(sequence(change), np.concatenate(expected))


def test_mates_describe_the_same_junction(tmp_path):
    here, there = base("chr1", 20), base("chr2", 40)
    for one, other in (("{}[chr2:40[", "]chr1:20]{}"), ("{}]chr2:40]", "{}]chr1:20]"), ("[chr2:40[{}", "[chr1:20[{}")):
        first, second = changes(
            tmp_path, line(20, here, one.format(here)), line(40, there, other.format(there), chromosome="chr2")
        )
        forms = [letters(sequence(second)), letters(reverse_complement(sequence(second)))]
        assert letters(sequence(first)) in forms


@pytest.mark.parametrize(
    ("reference", "alternative", "expected", "kind", "points"),
    [
        (letters(ONE[19:25]), letters(ONE[19:20]), [ONE[:20], ONE[25:]], "deletion", [20]),
        (
            letters(ONE[19:20]),
            letters(ONE[19:20]) + "GGGG",
            [ONE[:20], numbers("GGGG"), ONE[20:]],
            "insertion",
            [20, 24],
        ),
    ],
)
def test_alleles_written_as_bases(tmp_path, reference, alternative, expected, kind, points):
    (change,) = changes(tmp_path, line(20, reference, alternative))
    assert (change.kind, change.allele_points) == (kind, points)
    assert np.array_equal(sequence(change), np.concatenate(expected))


def test_substitution_of_several_bases(tmp_path):
    reference = letters(ONE[19:23])
    alternative = reference[0] + letters((ONE[20:22] + 1) % 4) + reference[3]
    (change,) = changes(tmp_path, line(20, reference, alternative))
    assert change.kind == "replacement"
    assert np.array_equal(sequence(change), np.concatenate([ONE[:20], (ONE[20:22] + 1) % 4, ONE[22:]]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line(20, "A", "<DEL>", "END=200"), "position outside its chromosome"),
        (line(20, "A", "<DEL>", "END=20"), "empty interval"),
        (line(20, "A", "<DEL>"), "size not given"),
        (line(120, "A", "C"), "position outside its chromosome"),
        (line(99, "ACGT", "A"), "position outside its chromosome"),
        (line(20, "A", "<INS>", "SVLEN=5"), "inserted bases not given"),
        (line(20, "A", "<CNV>", "END=30"), "kind of variant that does not say what the chromosome looks like"),
        (line(20, "A", "A."), "single breakend: the other side is not known"),
        (line(20, "A", "A[chr2:40]"), "allele not understood"),
        (line(20, "A", "A[chr3:40["), "mate on a chromosome that the genome does not have"),
        (line(20, "A", "A[chr2:81["), "position outside its chromosome"),
        (line(20, "A", "<TRA>", "CHR2=chr2;END=4"), "junction not fully described"),
        (line(20, "A", "<DEL>", "CHR2=chr2;END=40"), "interval over two chromosomes"),
        (line(20, "A", "."), "no alternative allele"),
        (line(20, "AC", "AC"), "same as the reference"),
        (line(20, "A", "C", chromosome="chrM"), "chromosome that the genome does not have"),
    ],
)
def test_refusals_have_reasons(tmp_path, text, reason):
    (refused,) = changes(tmp_path, text)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason


def test_bad_lines_are_named_and_cost_no_others(tmp_path):
    path = tmp_path / "calls.vcf"
    lines = [
        "chr1\t5",
        line("x", "A", "C"),
        line(5, "A?", "C"),
        line(5, "A", "C,"),
        line(7, "a", "c,<DEL>", "END=9;FLAG"),
    ]
    path.write_text(HEADER + "\n".join(lines) + "\n")
    *bad, good = read_records(path)
    assert [type(b) for b in bad] == [BadLine] * 4
    assert [b.line for b in bad] == [3, 4, 5, 6]
    assert (good.reference, good.alternatives, good.info) == ("A", ("C", "<DEL>"), {"END": "9", "FLAG": ""})


def test_files_that_are_no_vcf(tmp_path):
    (tmp_path / "a.vcf").write_text("chrom\tpos\n")
    (tmp_path / "b.vcf.gz").write_bytes(gzip.compress((HEADER + line(5, "A", "C") * 99).encode())[:-12])
    for name in ("a.vcf", "b.vcf.gz", "absent.vcf"):
        with pytest.raises(InputError, match=name):
            list(read_records(tmp_path / name))


class AnyChromosome(dict):
    """Lengths of a genome that has every chromosome."""

    def __contains__(self, name):
        return True

    def __missing__(self, name):
        return 250_000_000


def test_no_record_of_the_real_call_sets_is_lost(shared_data):
    paths = sorted((shared_data / "sv_vcf").glob("*.vcf.gz"))
    assert len(paths) == 13
    kinds, reasons = Counter(), Counter()
    for path in paths:
        with gzip.open(path, "rt") as handle:
            alleles = sum(
                len(text.split("\t")[4].split(",")) for text in handle if text.strip() and not text.startswith("#")
            )
        found = [read_change(r, alt, AnyChromosome()) for r in read_records(path) for alt in r.alternatives]
        assert len(found) == alleles
        kinds.update(change.kind for change in found if isinstance(change, Change))
        reasons.update(refused.reason for refused in found if isinstance(refused, Refusal))
    assert kinds["deletion"] > 60
    assert kinds["breakend"] > 80
    assert set(reasons) <= {
        "inserted bases not given",
        "kind of variant that does not say what the chromosome looks like",
        "no alternative allele",
        "position outside its chromosome",
    }
