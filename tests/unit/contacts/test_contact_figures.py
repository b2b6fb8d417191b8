"""Figures of the contacts stage: files, tables and captions."""

import json

import numpy as np
import pandas as pd
import pytest

from cisflow.contacts.expected import compute_expected
from cisflow.contacts.prepare import prepare_map
from cisflow.figures.contacts import choose_region, plot_contact_map, plot_distance_law
from cisflow.simulate.contacts import simulate_contacts


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    names = ("s.fa", "s.mcool", "s.truth.npz", "s.peaks.bed")
    simulate_contacts("figure", 1, 3, 600_000, 5000, 200_000, *(folder / name for name in names))
    prepare_map(
        folder / "s.mcool",
        folder / "s.fa",
        5000,
        folder / "map.cool",
        folder / "q.tsv",
        validation=["chr1"],
        test=["chr2"],
    )
    compute_expected(*(folder / name for name in ("map.cool", "expected.npz", "law.tsv", "by.tsv")))
    return folder


def check_files(stem):
    for suffix in (".svg", ".png", ".tsv", ".json"):
        assert stem.with_suffix(suffix).stat().st_size > 0
    return pd.read_csv(stem.with_suffix(".tsv"), sep="\t"), json.loads(stem.with_suffix(".json").read_text())["caption"]


def test_distance_law_figure(files):
    plot_distance_law(
        files / "law.tsv", files / "by.tsv", files / "expected.npz", "figure", files / "figures" / "law.svg"
    )
    table, caption = check_files(files / "figures" / "law.svg")
    assert list(table["series"].unique()) == ["chr1", "chr2", "chr3", "used", "all", "trans"]
    law = pd.read_csv(files / "law.tsv", sep="\t").query("distance_bp > 0")
    drawn = table[table["series"] == "all"].set_index("distance_bp")["expected"]
    np.testing.assert_allclose(drawn, law.set_index("distance_bp").loc[drawn.index, "expected"])
    assert "bins of 5,000 bp" in caption
    assert "of 600,000 bp" in caption


@pytest.mark.parametrize("with_truth", [True, False])
def test_map_figure(files, with_truth):
    svg = files / "figures" / f"map{with_truth}.svg"
    truth = files / "s.truth.npz" if with_truth else None
    plot_contact_map(files / "map.cool", files / "expected.npz", "figure", ["chr2"], svg, truth)
    table, caption = check_files(svg)
    drawn = table[table["track"] == "map"]
    side = drawn["x_bp"].nunique()
    assert len(drawn) == side * (side + 1) // 2
    assert f"chr2:{drawn['x_bp'].min():,}-{drawn['x_bp'].max() + 5000:,}, bins of 5,000 bp" in caption
    assert set(table["track"]) == {"map", "compartment" if with_truth else "coverage"}
    assert ("simulated truth" in caption) == with_truth
    coloured = drawn["value"].dropna()
    assert 0.5 < len(coloured) / len(drawn) <= 1


def test_region():
    lengths = {"chr1": 5_000_000, "chr2": 400_000}
    assert choose_region(lengths, 1000, ["chrX", "chr1"]) == ("chr1", 2000, 1000, 4)
    assert choose_region(lengths, 2000, ["chr2"]) == ("chr2", 0, 200, 1)
    assert choose_region(lengths, 1000, ["chr2"]) == ("chr2", 0, 400, 2)
    assert choose_region(lengths, 5_000_000, []) == ("chr1", 0, 1, 1)
