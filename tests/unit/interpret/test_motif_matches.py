"""MEME files, exact p-values, and motifs in mutagenised sequences."""

from __future__ import annotations

import gzip
from itertools import product

import numpy as np
import polars as pl
import pytest

from cisflow.figures.motif_matches import motif_figure
from cisflow.figures.style import GREY
from cisflow.interpret.meme import Motif, MotifFile, read_meme
from cisflow.interpret.motif_scan import MATCHES, Scorer, most_matched, motif_matches, one_per_place, sites
from cisflow.problems import InputError

HEAD = "MEME version 4\n\nALPHABET= ACGT\n\nBackground letter frequencies\nA 0.3 C 0.2 G 0.2 T 0.3\n\n"


def _meme(*motifs: str) -> str:
    return HEAD + "\n".join(motifs)


def _matrix(name: str, site: str, sites: int = 50) -> str:
    rows = [" ".join("0.97" if base == letter else "0.01" for base in "ACGT") for letter in site]
    return f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {len(site)} nsites= {sites} E= 0\n" + "\n".join(
        rows
    )


@pytest.fixture
def reb1(tmp_path):
    path = tmp_path / "motifs.meme.gz"
    path.write_bytes(gzip.compress(_meme(_matrix("M1 Reb1", "TTACCCG"), _matrix("M2 NA", "TGACTCA")).encode()))
    return read_meme(path)


def test_files_say_names_backgrounds_and_matrices(reb1):
    assert [(m.motif, m.name, m.sites) for m in reb1.motifs] == [("M1", "Reb1", 50), ("M2", "M2", 50)]
    assert reb1.background.tolist() == pytest.approx([0.3, 0.2, 0.2, 0.3])
    assert reb1.motifs[0].probabilities[0].tolist() == pytest.approx([0.01, 0.01, 0.01, 0.97])


def test_public_files_are_read_whole(shared_data):
    folder = shared_data / "motifs"
    jaspar = read_meme(folder / "JASPAR2024_CORE_fungi_non-redundant_pfms_meme.txt.gz")
    yetfasco = read_meme(folder / "yetfasco_all.meme.gz")
    assert (len(jaspar.motifs), len(yetfasco.motifs)) == (178, 1883)
    assert yetfasco.background.tolist() == pytest.approx([0.309, 0.191, 0.191, 0.309])
    assert all(np.allclose(m.probabilities.sum(axis=1), 1) for m in jaspar.motifs + yetfasco.motifs)
    reb1 = next(m for m in jaspar.motifs if m.name == "REB1")
    found = sites("ACGTTTACCCGGACGT", [Scorer.of(reb1, jaspar.background)], 1e-3)
    assert found["name"].to_list() == ["REB1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MOTIF a\n", "no line 'MEME version'"),
        (_meme("MOTIF a\nletter-probability matrix: w= 2\n0.5 0.5 0 0\n0.5 0.5 0\n"), "four probabilities"),
        (_meme("MOTIF a\nletter-probability matrix: w= 3\n0.5 0.5 0 0\n"), "1 rows, w= says 3"),
        (_meme(_matrix("a", "ACG"), _matrix("a", "ACG")), "'a' is there twice"),
        (_meme(), "holds no motif"),
        (HEAD.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY"), "expected the alphabet ACGT"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, words):
    path = tmp_path / "motifs.meme"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_meme(path)


def test_p_values_are_exact():
    rng = np.random.default_rng(1)
    background = np.array([0.35, 0.15, 0.2, 0.3])
    scorer = Scorer.of(Motif("m", "m", rng.dirichlet([0.4] * 4, 5), 30), background)
    every = np.array(list(product(range(4), repeat=5)))
    steps = scorer.steps[np.arange(5), every].sum(axis=1)
    likely = background[every].prod(axis=1)
    for wanted in rng.choice(steps, 40):
        assert scorer.p_values[wanted] == pytest.approx(likely[steps >= wanted].sum())
    # The grid does not move scores by more than half a step in each column.
    counts = scorer.motif.probabilities * 30 + 0.1 * background
    bits = np.log2(counts / counts.sum(axis=1, keepdims=True) / background)
    exact = bits[np.arange(5), every].sum(axis=1)
    assert np.abs(scorer.lowest + scorer.step * steps - exact).max() <= 2.5 * scorer.step + 1e-9


def test_sites_on_both_strands_are_where_they_are(reb1):
    scorers = [Scorer.of(motif, reb1.background) for motif in reb1.motifs]
    found = sites("AAATTACCCGAAACGGGTAAGGNTGACTCANN", scorers, 1e-4)
    rows = found.select("name", "start", "end", "strand", "site").rows()
    assert rows == [
        ("Reb1", 3, 10, "+", "TTACCCG"),
        ("Reb1", 13, 20, "-", "TTACCCG"),
        ("M2", 23, 30, "+", "TGACTCA"),
    ]
    assert (found["p_value"] <= 1e-4).all()
    assert sites("ACG", scorers, 1.0).is_empty()


def _profiles(sequence: str, tall: range, first: int = 17) -> pl.DataFrame:
    """Position scores of a model that sees some positions; the third position was left out (an N)."""
    score = [-1.0 if i in tall else 0.01 * (i % 3 - 1) for i in range(len(sequence))]
    columns = {"model": "m", "id": "s", "position": np.arange(len(sequence)) + first, "base": list(sequence)}
    return pl.DataFrame({**columns, "score": score}).filter(pl.col("position") != first + 2)


def test_matches_tell_which_sites_the_model_sees(reb1):
    sequence = "GCATTTACCCGATGCATGCAAGTTACCCGTCATG"
    found = motif_matches(_profiles(sequence, range(22, 29)), reb1)
    assert found.select("name", "start", "end").rows() == [("Reb1", 21, 28), ("Reb1", 39, 46)]
    assert found["contribution"][1] == pytest.approx(7)
    assert found["window_share"][1] == pytest.approx(1 / (34 - 7 + 1))
    assert found["window_share"][0] > 0.25
    placed = one_per_place(found)
    assert placed.equals(found)
    profiles = _profiles(sequence, range(22, 29))
    figure, table, caption = motif_figure(profiles.to_pandas(), found.to_pandas(), placed.to_pandas())
    assert table["drawn"].all()
    names = {text.get_position()[0]: text.get_color() for text in figure.axes[0].texts if text.get_text() == "Reb1"}
    assert [names[place] for place in sorted(names)] == [GREY, "black"]
    assert "of 2 matches" in caption


def test_one_match_is_kept_for_each_place():
    background = np.full(4, 0.25)
    probabilities = np.full((4, 4), 0.01) + 0.96 * np.eye(4)
    twins = MotifFile([Motif(name, name, probabilities, 1000) for name in ("a", "b")], background)
    found = motif_matches(_profiles("GGGGACGTGGGG", range(4, 8), 0), twins, 0.005)
    assert set(found["motif"]) == {"a", "b"}
    assert len(one_per_place(found)) == 1


def test_the_sequence_with_the_most_motifs_is_drawn():
    rows = [("b", "x", 1, 5), ("b", "x", 9, 13), ("c", "x", 1, 5), ("c", "y", 1, 5), ("d", "x", 2, 6), ("d", "y", 3, 7)]
    named = [dict(zip(("id", "motif", "start", "end"), row, strict=True)) for row in rows]
    matches = pl.DataFrame(named, schema={name: MATCHES[name] for name in ("id", "motif", "start", "end")})
    assert most_matched(["a", "a", "b"], matches) == "b"
    assert most_matched(["a", "b", "c"], matches) == "c"
    assert most_matched(["c", "d", "a"], matches) == "d"
    assert most_matched(["a", "e"], matches) == "a"
