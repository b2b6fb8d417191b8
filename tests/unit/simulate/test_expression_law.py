"""The simulated law: what binds where, the scale, and what a model of k-mers can and cannot see of it."""

import math

import numpy as np
import pytest

from cisflow.randomness import generator
from cisflow.simulate import expression_law as law
from cisflow.simulate.bases import PADDING, decode, encode, random_bases, reverse_complement, with_flanks
from cisflow.simulate.motifs import MOTIFS, WEIGHT_STEP
from cisflow.simulate.promoters import plant, random_variable_parts, site_codes, yeast_like

FLANKS = law.REFERENCE_FLANKS
INDEX = {motif.name: i for i, motif in enumerate(MOTIFS)}


def slow_binding(sequence: str) -> list[float]:
    """The formula for one sequence, base by base."""
    result = []
    for motif in MOTIFS:
        best = sum(row.max() for row in motif.weights)
        length, total = len(motif.consensus), 0.0
        for start in range(len(sequence) - length + 1):
            distance = len(sequence) - (start + length / 2)
            away = distance - motif.centre
            place = math.exp(-0.5 * (away / motif.width) ** 2)
            place *= 1 + law.HELIX_SHARE * math.cos(2 * math.pi * away / law.HELIX_TURN)
            window = sequence[start : start + length]
            for site, strand in ((window, 1.0), (reverse_complement(window), motif.other_strand)):
                score = sum(row["ACGT".index(base)] for row, base in zip(motif.weights, site, strict=True))
                total += place * strand / (1 + math.exp(best - motif.slack - score))
        result.append(1 - math.exp(-total))
    return result


def promoters(n: int, name: str) -> np.ndarray:
    return with_flanks(random_bases(generator(1, name), n, 80), *FLANKS)


def with_site(amplicons: np.ndarray, name: str, distance: int, other_strand: bool = False) -> np.ndarray:
    """Copies with the best site of a factor, its middle ``distance`` bases from the 3' end."""
    site = site_codes(INDEX[name], other_strand)
    changed = amplicons.copy()
    start = changed.shape[1] - distance - len(site) // 2
    plant(changed, np.arange(len(changed)), np.full(len(changed), start), site)
    return changed


def test_codes_and_strings_are_the_same_sequences():
    sequences = ["ACGT", "TTTTTTT", "G"]
    codes = encode(sequences)
    assert codes.shape == (3, 7)
    assert codes[0].tolist() == [PADDING] * 3 + [0, 1, 2, 3]
    assert decode(codes) == sequences
    with pytest.raises(ValueError, match="only A, C, G and T"):
        encode(["ACN"])


def test_flanks_stand_around_parts_of_any_length():
    variable = random_variable_parts(generator(3), 400)
    parts, amplicons = decode(variable), decode(with_flanks(variable, "TTAGG", "CCA"))
    assert amplicons == [f"TTAGG{part}CCA" for part in parts]
    assert set(map(len, parts)) == {76, 77, 78, 79, 80, 81}
    assert 0.8 < np.mean([len(part) == 80 for part in parts]) < 0.92


def test_binding_agrees_with_the_formula_base_by_base():
    amplicons = with_flanks(random_variable_parts(generator(4), 12), *FLANKS)
    slow = [slow_binding(sequence) for sequence in decode(amplicons)]
    np.testing.assert_allclose(law.binding(amplicons), slow, rtol=1e-5, atol=1e-6)


def test_padding_on_the_left_changes_nothing():
    amplicons = promoters(50, "padding")
    padded = np.pad(amplicons, ((0, 0), (7, 0)), constant_values=PADDING)
    np.testing.assert_allclose(law.true_expression(padded), law.true_expression(amplicons), rtol=0, atol=1e-9)


def test_weights_sum_exactly_in_single_precision():
    for motif in MOTIFS:
        assert np.array_equal(motif.weights % WEIGHT_STEP, np.zeros_like(motif.weights)), motif.name


def test_scale_of_random_promoters():
    expression = law.true_expression(promoters(6000, "scale"))
    assert expression.mean() == pytest.approx(8.5, abs=0.2)
    assert expression.std() == pytest.approx(3.7, abs=0.15)
    low, high = np.quantile(expression, [0.025, 0.975])
    assert 1 < low < 3
    assert 15 < high < 17
    counts = np.histogram(expression, np.arange(0, 18, 2))[0]
    peak = counts.argmax()
    assert (np.diff(counts[: peak + 1]) > 0).all()
    assert (np.diff(counts[peak:]) < 0).all()


@pytest.mark.parametrize("motif", MOTIFS, ids=lambda motif: motif.name)
def test_a_site_at_its_best_place_acts_as_its_role_says(motif):
    amplicons = promoters(300, "roles")
    change = law.true_expression(with_site(amplicons, motif.name, int(motif.centre))) - law.true_expression(amplicons)
    assert (change.mean() > 1) if motif.role != "repressor" else (change.mean() < -1)


def test_place_and_strand_of_a_site_matter():
    amplicons = promoters(300, "places")
    base = law.true_expression(amplicons)
    near = law.true_expression(with_site(amplicons, "TBP", 34)) - base
    far = law.true_expression(with_site(amplicons, "TBP", 85)) - base
    assert near.mean() > 3 * abs(far.mean())
    forward = law.true_expression(with_site(amplicons, "Gcr1", 66)) - base
    turned = law.true_expression(with_site(amplicons, "Gcr1", 66, other_strand=True)) - base
    assert forward.mean() > 3 * abs(turned.mean())


def test_an_activator_needs_an_open_promoter_and_sites_saturate():
    amplicons = promoters(400, "interactions")
    drive = {
        name: law._drive(changed, MOTIFS).mean()
        for name, changed in {
            "none": amplicons,
            "Gcn4": with_site(amplicons, "Gcn4", 46),
            "Reb1": with_site(amplicons, "Reb1", 64),
            "both": with_site(with_site(amplicons, "Gcn4", 46), "Reb1", 64),
            "two": with_site(with_site(amplicons, "Gcn4", 46), "Gcn4", 56),
        }.items()
    }
    assert drive["both"] - drive["Reb1"] > 1.15 * (drive["Gcn4"] - drive["none"])
    assert drive["two"] - drive["Gcn4"] < 0.6 * (drive["Gcn4"] - drive["none"])


def kmer_counts(codes: np.ndarray, k: int) -> np.ndarray:
    words = np.zeros((len(codes), codes.shape[1] - k + 1), dtype=np.int64)
    for i in range(k):
        words = words * 4 + codes[:, i : i + words.shape[1]]
    flat = np.arange(len(codes))[:, None] * 4**k + words
    return np.bincount(flat.ravel(), minlength=len(codes) * 4**k).reshape(len(codes), -1).astype(float)


def test_kmer_counts_explain_part_of_the_law():
    amplicons = promoters(6000, "ridge")
    expression, counts = law.true_expression(amplicons), kmer_counts(amplicons[:, 17:97], 5)
    train, test = slice(0, 5000), slice(5000, None)
    counts -= counts[train].mean(axis=0)
    moment = counts[train].T @ counts[train] + 300 * np.eye(counts.shape[1])
    fitted = np.linalg.solve(moment, counts[train].T @ (expression[train] - expression[train].mean()))
    assert 0.45 < np.corrcoef(counts[test] @ fitted, expression[test])[0, 1] < 0.75


def test_yeast_like_dna_differs_from_random_dna():
    codes = yeast_like(generator(5), 500)
    assert codes.shape == (500, 80)
    assert 0.58 < np.isin(codes, (0, 3)).mean() < 0.72
    sequences = decode(codes)
    assert np.mean(["A" * 7 in s or "T" * 7 in s for s in sequences]) > 0.45
    cg, gc = (sum(s.count(word) for s in sequences) for word in ("CG", "GC"))
    assert cg < 0.8 * gc
