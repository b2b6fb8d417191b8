"""Merging of pairs: golden cases, a plain oracle of the published rule, and real pairs."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.reads.fastq import read_pairs
from cisflow.reads.merge import allowed_mismatches, merge_pairs

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def published_rule(read1, quality1, read2, quality2, expected, tolerance, identity):
    """The published rule, one pair at a time; None where it finds no offset inside both reads."""
    turned, turned_quality = read2[::-1].translate(COMPLEMENT), quality2[::-1]
    for shift in range(tolerance + 1):
        for overlap in (expected - shift, expected + shift):
            if not 1 <= overlap <= min(len(read1), len(turned)):
                continue
            offset = len(read1) - overlap
            equal = sum(a == b for a, b in zip(read1[offset:], turned, strict=False))
            if equal / overlap > identity:
                middle = "".join(
                    read1[offset + k] if quality1[offset + k] > turned_quality[k] else turned[k] for k in range(overlap)
                )
                return offset, read1[:offset] + middle + turned[overlap:]
    return None


def best_rule(read1, quality1, read2, quality2, expected, tolerance, identity):
    """The rule of the highest identity, one pair at a time."""
    turned, turned_quality = read2[::-1].translate(COMPLEMENT), quality2[::-1]
    found = []
    for overlap in range(max(expected - tolerance, 1), min(expected + tolerance, len(read1), len(turned)) + 1):
        equal = sum(a == b for a, b in zip(read1[len(read1) - overlap :], turned, strict=False))
        if equal / overlap > identity:
            found.append((Fraction(equal, overlap), overlap))
    if not found:
        return None
    overlap = max(found)[1]
    offset = len(read1) - overlap
    middle = ""
    for k in range(overlap):
        base1, base2, from_start1, from_start2 = read1[offset + k], turned[k], offset + k, len(turned) - 1 - k
        # Larger is better; read 1 comes first where all is equal.
        marks1 = (base1 != "N", quality1[offset + k], -from_start1)
        marks2 = (base2 != "N", turned_quality[k], -from_start2)
        middle += base1 if marks1 >= marks2 else base2
    return offset, read1[:offset] + middle + turned[overlap:]


RULES = {"published": published_rule, "best": best_rule}


def merge(tmp_path, pairs, expected=40, tolerance=15, identity=0.75, rule="published"):
    for number in (1, 2):
        records = [(pair[2 * number - 2], pair[2 * number - 1]) for pair in pairs]
        (tmp_path / f"{number}.fq").write_text("".join(f"@r\n{bases}\n+\n{quality}\n" for bases, quality in records))
    ((block1, block2),) = read_pairs(tmp_path / "1.fq", tmp_path / "2.fq")
    merged = merge_pairs(block1, block2, expected, tolerance, identity, rule)
    texts = iter(merged.amplicons.to_series().to_list())
    found = [None if offset < 0 else (int(offset), next(texts)) for offset in merged.offset]
    assert next(texts, None) is None
    return found


def test_golden_pairs_are_exact(golden, tmp_path):
    cases = json.loads((golden / "dream" / "read_merge_golden.json").read_text())["cases"]
    assert len(cases) == 10
    for case in cases:
        pair = [case[key] for key in ("read1", "qual1", "read2_as_sequenced", "qual2_as_sequenced")]
        (found,) = merge(tmp_path, [pair], case["overlap"], case["overlap_range"])
        expected = None if case["offset"] is None else (case["offset"], case["consensus"])
        assert found == expected, case["name"]
        if found:
            assert len(case["read1"]) - found[0] == case["overlap_length"]


def random_pairs(rng, n):
    """Pairs of short and long reads, of one fragment or none, with errors, Ns and any quality."""
    letters, qualities = np.array(list("ACGTN")), np.array([chr(c) for c in range(33, 75)])
    pairs = []
    for _ in range(n):
        size = int(rng.integers(0, 131))
        fragment = rng.choice(letters[: rng.integers(1, 5)], size)
        reads = []
        for strand in (1, -1):
            length = int(rng.integers(0, 80))
            bases = (
                fragment if strand > 0 else np.array(list("".join(fragment)[::-1].translate(COMPLEMENT)), dtype="U1")
            )
            bases = bases[:length].copy() if rng.random() < 0.8 else rng.choice(letters[:4], length)
            wrong = rng.random(len(bases)) < rng.choice([0, 0.05, 0.2])
            bases[wrong] = rng.choice(letters, wrong.sum())
            reads += ["".join(bases), "".join(rng.choice(qualities, len(bases)))]
        pairs.append(reads)
    return pairs


@pytest.mark.parametrize(
    ("expected", "tolerance", "identity"), [(40, 15, 0.75), (20, 30, 0.9), (5, 3, 0.0), (30, 0, 0.5), (40, 15, 1.0)]
)
@pytest.mark.parametrize("rule", RULES)
def test_equal_to_the_plain_rule_on_random_pairs(tmp_path, expected, tolerance, identity, rule):
    pairs = random_pairs(np.random.default_rng([expected, tolerance]), 600)
    found = merge(tmp_path, pairs, expected, tolerance, identity, rule)
    assert found == [RULES[rule](*pair, expected, tolerance, identity) for pair in pairs]
    merged = sum(f is not None for f in found)
    assert merged == 0 if identity == 1.0 else 20 < merged < 600


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text("AC", max_size=30), st.text("ACN", max_size=30), st.text("#I", min_size=60, max_size=60)),
        min_size=1,
        max_size=5,
    )
)
def test_equal_to_the_plain_rule_on_low_complexity(tmp_path_factory, rule, pairs):
    rows = [[one, quality[: len(one)], two, quality[30 : 30 + len(two)]] for one, two, quality in pairs]
    found = merge(tmp_path_factory.mktemp("merge"), rows, 9, 7, rule=rule)
    assert found == [RULES[rule](*row, 9, 7, 0.75) for row in rows]


def test_best_rule_is_right_where_the_first_accepted_overlap_is_not(tmp_path):
    rng = np.random.default_rng(2)
    amplicon = "A" * 60 + "".join(rng.choice(list("ACGT"), 4)) + "A" * 46  # nearly all overlaps are alike
    alike = [amplicon[:76], "I" * 76, amplicon[::-1].translate(COMPLEMENT)[:76], "I" * 76]
    assert merge(tmp_path, [alike], rule="best") == [(34, amplicon)]
    assert merge(tmp_path, [alike])[0][0] == 36  # the expected overlap passes, and is tried first


def test_best_rule_takes_the_base_nearer_to_the_start_of_its_read(tmp_path):
    """Errors that grow more frequent towards the end of a read, behind qualities that do not tell."""
    rng = np.random.default_rng(4)
    pairs, amplicons = [], []
    for _ in range(2000):
        amplicon = "".join(rng.choice(list("ACGT"), 110))
        reads = []
        for strand in (amplicon, amplicon[::-1].translate(COMPLEMENT)):
            read = np.array(list(strand[:76]))
            wrong = rng.random(76) < 0.02 * (np.arange(76) / 76) ** 2
            read[wrong] = rng.choice(list("ACGT"), wrong.sum())
            reads += ["".join(read), "F" * 76]
        pairs.append(reads)
        amplicons.append(amplicon)
    exact = {
        rule: sum(found and found[1] == whole for found, whole in zip(merged, amplicons, strict=True)) / 2000
        for rule in RULES
        for merged in [merge(tmp_path, pairs, rule=rule)]
    }
    assert exact["best"] > exact["published"] + 0.05
    assert exact["best"] > 0.7


def test_unknown_rule(tmp_path):
    with pytest.raises(ValueError, match="merge rule 'first'; expected one of published, best"):
        merge(tmp_path, [["ACGT", "IIII", "ACGT", "IIII"]], rule="first")


def test_n_equals_n_and_nothing_else(tmp_path):
    rng = np.random.default_rng(1)
    fragment = "".join(rng.choice(list("ACGT"), 40))
    with_n = "N" * 10 + fragment[10:]
    turned = with_n[::-1].translate(COMPLEMENT)
    assert merge(tmp_path, [[with_n, "I" * 40, turned, "I" * 40]], 40, 0)[0] == (0, with_n)
    assert merge(tmp_path, [[fragment, "I" * 40, turned, "I" * 40]], 40, 0) == [None]  # 30 of 40 is not above 0.75


def test_reads_shorter_than_the_overlap_are_not_merged(tmp_path):
    same = "ACGTTGCAAC"
    turned = same[::-1].translate(COMPLEMENT)
    pair = [same, "I" * 10, turned, "I" * 10]
    assert merge(tmp_path, [pair], 40, 15) == [None]
    assert merge(tmp_path, [pair], 12, 2) == [(0, same)]
    assert merge(tmp_path, [["", "", turned, "I" * 10]], 1, 0) == [None]


def test_allowed_mismatches_keep_the_identity_strictly_above():
    allowed = allowed_mismatches(55, 0.75)
    for overlap in range(1, 56):
        assert (overlap - allowed[overlap]) / overlap > 0.75
        assert not (overlap - allowed[overlap] - 1) / overlap > 0.75
    assert allowed[40] == 9
    assert (allowed_mismatches(10, 1.0) == -1).all()


def share_merged(folder, names, expected, tolerance):
    pairs = merged = 0
    lengths = []
    for block1, block2 in read_pairs(*(folder / name for name in names)):
        found = merge_pairs(block1, block2, expected, tolerance, 0.75)
        pairs, merged = pairs + len(block1), merged + len(found.amplicons)
        lengths += found.amplicons.length.tolist()
    return merged / pairs, lengths


def test_real_overlapping_pairs_merge_to_the_length_of_the_amplicon(shared_data):
    names = ("dada2_sam1F.fastq.gz", "dada2_sam1R.fastq.gz")
    share, lengths = share_merged(shared_data / "fastq_overlapping", names, 247, 15)
    assert share == pytest.approx(0.963, abs=0.001)  # 1,445 of 1,500 pairs of a 253-bp amplicon
    assert np.median(lengths) == 253
    assert set(lengths) <= {251, 252, 253}


def test_real_mates_of_distant_places_do_not_merge(shared_data):
    names = ("SRR2601848_1.fastq.gz", "SRR2601848_2.fastq.gz")
    share, _ = share_merged(shared_data / "fastq_nonoverlapping", names, 40, 15)
    assert share == 2 / 10000
