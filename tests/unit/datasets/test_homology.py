"""Homology: pairs by local alignment on both strands, splits without them, and what real data hold."""

import gzip

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequence_families import COMPLEMENT

from cisflow.clusters.near_identical import TooManyPairsError
from cisflow.datasets.build import SplitSettings, build_dataset
from cisflow.datasets.homology import TRIGGER, WORD, common_flanks, homologous_pairs
from cisflow.problems import InputError
from cisflow.reads.ragged import Sequences


def ragged(sequences):
    return Sequences.from_series(pl.Series(sequences, dtype=pl.String))


def letters(rng, n):
    return "".join(rng.choice(list("ACGT"), n))


def smith_waterman(a, b):
    """Textbook local alignment with affine gaps: +1, -1, -2 for the first base of a gap, -1 for each further one."""
    low = -(10**6)
    score = np.zeros((len(a) + 1, len(b) + 1), int)
    up, left = np.full_like(score, low), np.full_like(score, low)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            up[i, j] = max(up[i - 1, j] - 1, score[i - 1, j] - 2)
            left[i, j] = max(left[i, j - 1] - 1, score[i, j - 1] - 2)
            same = 1 if a[i - 1] == b[j - 1] != "N" else -1
            score[i, j] = max(0, score[i - 1, j - 1] + same, up[i, j], left[i, j])
    return score.max()


def best_run(left, right):
    """Best score of an alignment without gaps that begins at two places and goes on."""
    steps = [1 if x == y != "N" else -1 for x, y in zip(left, right, strict=False)]
    return max(0, int(np.cumsum(steps).max())) if steps else 0


def proposed(a, b):
    """Whether a shared word of the two grows to an alignment without gaps of the score that is looked at."""
    places = [(i, j) for i in range(len(a) - WORD + 1) for j in range(len(b) - WORD + 1) if a[i] == b[j]]
    words = [(i, j) for i, j in places if "N" not in a[i : i + WORD] and a[i : i + WORD] == b[j : j + WORD]]
    return any(
        WORD + best_run(a[i + WORD :], b[j + WORD :]) + best_run(a[:i][::-1], b[:j][::-1]) >= TRIGGER for i, j in words
    )


def turn(sequence):
    return sequence[::-1].translate(COMPLEMENT)


def related(rng, n=8):
    """Sequences, some of which share a damaged piece on either strand."""
    made = []
    for _ in range(n):
        piece = letters(rng, 40)
        for _ in range(2):
            damaged = list(piece)
            for place in rng.integers(0, 40, int(rng.integers(0, 4))):
                damaged[place] = str(rng.choice(["", "A", "N", "GT"]))
            text = letters(rng, int(rng.integers(0, 30))) + "".join(damaged) + letters(rng, int(rng.integers(0, 30)))
            made.append(turn(text) if rng.integers(2) else text)
    return made


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(24, 40))
def test_pairs_are_those_of_the_textbook_that_a_word_leads_to(seed, lowest):
    sequences = related(np.random.default_rng(seed))
    first, second = homologous_pairs(ragged(sequences), lowest)
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    expected = set()
    for j, b in enumerate(sequences):
        for i, a in enumerate(sequences[:j]):
            if any(proposed(a, c) and smith_waterman(a, c) >= lowest for c in (b, turn(b))):
                expected.add((i, j))
    assert found == expected


def test_adapters_are_no_homology():
    rng = np.random.default_rng(5)
    sequences = [40 * "ACGTT" + letters(rng, 100) + 20 * "GGCAT" for _ in range(20)]
    left, right = common_flanks(ragged(sequences))
    assert left >= 200
    assert right >= 100
    assert len(homologous_pairs(ragged(sequences), 60)[0]) == 0


def test_exempt_pairs_and_too_many_pairs():
    sequences = [letters(np.random.default_rng(1), 80)] * 5
    sequences = [f"{text[:40]}{'ACGTA'[i]}{text[40:]}" for i, text in enumerate(sequences)]
    sequences.append(letters(np.random.default_rng(2), 80))
    assert len(homologous_pairs(ragged(sequences), 60)[0]) == 10
    exempt = np.array([False, False, True, True, True, True])
    assert len(homologous_pairs(ragged(sequences), 60, exempt)[0]) == 7
    with pytest.raises(TooManyPairsError):
        homologous_pairs(ragged(sequences), 60, most=5)


def rows(sequences):
    return pl.DataFrame(
        {
            "element": [f"e{i}" for i in range(len(sequences))],
            "sequence": sequences,
            "expression": np.arange(len(sequences), dtype=float),
            "n_reads": pl.Series([None] * len(sequences), dtype=pl.Int64),
            "is_singleton": [False] * len(sequences),
        }
    )


def windows(n=120):
    """Overlapping windows of one genome in groups of two: no edit distance sees them."""
    rng = np.random.default_rng(7)
    return [text[start : start + 100] for text in (letters(rng, 130) for _ in range(n // 2)) for start in (0, 25)]


def split_by(method, sequences, **changes):
    chosen = {"dataset": "d", "seed": 1, "validation": 0.2, "test": 0.2, "max_distance": 3, "homology_score": 40}
    return build_dataset(rows(sequences), None, SplitSettings(**chosen, method=method, **changes))


def crossing(table, sequences, lowest):
    split = dict(table.select("sequence", "split").iter_rows())
    first, second = homologous_pairs(ragged(sequences), lowest)
    return sum(split[sequences[i]] != split[sequences[j]] for i, j in zip(first, second, strict=True))


def test_only_the_split_by_homology_keeps_overlapping_windows_together():
    sequences = windows()
    near, homology, random = (split_by(method, sequences) for method in ("near_identical", "homology", "random"))
    assert crossing(near.table, sequences, 40) > 0
    assert crossing(random.table, sequences, 40) > 0
    assert crossing(homology.table, sequences, 40) == 0
    assert near.leakage["pairs_before"].sum() == 0 < homology.leakage["pairs_before"].sum()
    assert homology.leakage["pairs_after"].sum() == 0


def test_a_random_split_leaves_near_identical_pairs_and_counts_them():
    text = windows()
    built = split_by("random", [s + extra for s in text for extra in ("A", "C")])
    assert built.leakage["pairs_after"].sum() > 0
    assert built.leakage["pairs_after"].to_list() == built.leakage["pairs_before"].to_list()


def test_a_library_of_one_family_is_refused():
    rng = np.random.default_rng(3)
    root, sequences = letters(rng, 120), []
    for _ in range(60):  # no end is common to all
        sequences.append(letters(rng, 10) + root[:60] + letters(rng, 30) + root[90:] + letters(rng, 10))
    with pytest.raises(InputError, match=r'column "split\.homology_score": 40 joins too many'):
        split_by("homology", sequences)


def read_fasta(path):
    with gzip.open(path, "rt") as handle:
        records = handle.read().split(">")[1:]
    return {name: "".join(lines) for name, *lines in (record.split("\n") for record in records)}


def test_the_published_example_split_leaks_and_ours_does_not(shared_data):
    folder = shared_data / "homology_split"
    full = read_fasta(folder / "example_full_dataset.fa.gz")
    tested = read_fasta(folder / "example_test_split.fa.gz")
    names = sorted(full)[:1500]  # both orientations of an element are neighbours
    sequences = [full[name] for name in names]
    first, second = homologous_pairs(ragged(sequences), 60)
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    both = [(i, i + 1) for i, name in enumerate(names[:-1]) if names[i + 1] == f"{name}_Reversed"]
    assert len(both) > 500
    assert set(both) <= found
    in_test = np.array([name in tested for name in names])
    assert (in_test[first] != in_test[second]).mean() > 0.2
    built = build_dataset(rows(sequences), None, SplitSettings("d", 1, 0.1, 0.2, 3, "homology", 60))
    assert crossing(built.table, sequences, 60) == 0
