"""A whole design with toy models: what is ordered, in which subsets, and what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from cisflow.clusters.ordered import ordered_library
from cisflow.design.checks import holds_site, longest_run, refused, without
from cisflow.design.library import design_library, write_design
from cisflow.design.native import tiles
from cisflow.design.parts import pairs
from cisflow.design.settings import DesignSettings, read_design
from cisflow.design.variants import random_substitutions, trajectories
from cisflow.evaluation.subsets import read_subsets
from cisflow.figures.design import evolution_figure, library_figure
from cisflow.problems import InputError
from cisflow.reads.count import ReadSettings
from cisflow.simulate.bases import decode, encode, random_bases, reverse_complement

SMALL = {
    "population": 300,
    "generations": 4,
    "high": 12,
    "low": 12,
    "challenging": 20,
    "random": 30,
    "trajectory_starts": 3,
    "trajectory_steps": 3,
    "substituted_starts": 6,
    "random_substitutions": 3,
    "perturbed_backgrounds": 1,
    "perturbed_several": 2,
    "tiled_backgrounds": 1,
    "tiling_step": 20,
    "forbidden": ["GGTCTC"],
}


class Count:
    """Predicts how often bases stand in whole amplicons."""

    def __init__(self, bases: str, length: int = 110):
        self.bases, self.length = bases, length

    def predict(self, sequences):
        return np.array([sum(map(s.count, self.bases)) if len(s) == self.length else np.nan for s in sequences], float)


MODELS = {"gc": [Count("GC")], "g": [Count("G"), Count("GA")]}


@pytest.fixture(scope="module")
def design():
    promoters = [(f"Y{i}", text) for i, text in enumerate(decode(random_bases(np.random.default_rng(3), 4, 200)))]
    return design_library(MODELS, DesignSettings(**SMALL), promoters, seed=5)


def _of(order: pd.DataFrame, subset: str) -> pd.DataFrame:
    return order[order["subsets"].str.split(",").map(lambda names: subset in names)]


def test_order_holds_each_sequence_once_with_its_flanks(design):
    order, settings = design.order, DesignSettings()
    assert order["sequence"].is_unique
    assert order["id"].is_unique
    assert (order["sequence"] == settings.left + order["variable"] + settings.right).all()
    assert not order["sequence"].str.contains("GGTCTC|GAGACC").any()
    assert (order["gc"] == MODELS["gc"][0].predict(order["sequence"])).all()
    assert _of(order, "high")["gc"].mean() > _of(order, "random")["gc"].mean() + 5
    assert _of(order, "low")["gc"].mean() < _of(order, "random")["gc"].mean() - 5


def test_scoring_and_the_alignment_read_the_design(design, tmp_path):
    write_design(design, tmp_path)
    subsets = {s.name: s for s in read_subsets(tmp_path / "subsets", np.arange(len(design.order)))}
    expected = {"all", "random", "yeast", "high", "low", "challenging", "SNVs", "motif perturbation", "motif tiling"}
    assert set(subsets) == expected
    order = pd.read_csv(tmp_path / "order.tsv", sep="\t")
    for name, subset in subsets.items():
        if name != "all":
            assert sorted(np.unique(subset.pos)) == _of(order, name)["pos"].tolist()
    for name in ("SNVs", "motif tiling"):
        assert subsets[name].kind == "pairs"
    alt, ref = (encode(order["variable"].iloc[subsets["SNVs"].pos[:, side]].tolist()) for side in (0, 1))
    assert ((alt != ref).sum(axis=1) == 1).all()
    settings = ReadSettings("TGCATTTTTTTCACATC {variable:80} GGTTACGGCTGTT", 40, 15, 0.75, 2, True, "forward")
    assert (
        ordered_library(tmp_path / "ordered.tsv", settings.parsed, True).table["element"].to_list()
        == order["id"].tolist()
    )


def test_funnel_counts_what_is_left_out(design):
    funnel = design.funnel.set_index(["subset", "step"])
    assert funnel.loc[("all", "different"), "sequences"] == len(design.order)
    assert funnel.loc[("high", "designed"), "sequences"] == 24
    assert funnel.loc[("challenging", "designed"), "sequences"] == 40
    kept = funnel.xs("without forbidden sites and runs", level="step")["sequences"]
    assert (kept <= funnel.xs("designed", level="step")["sequences"]).all()


def test_the_same_seed_gives_the_same_design(design):
    promoters = [(f"Y{i}", text) for i, text in enumerate(decode(random_bases(np.random.default_rng(3), 4, 200)))]
    assert design_library(MODELS, DesignSettings(**SMALL), promoters, seed=5).order.equals(design.order)


def test_figures_draw_every_subset(design):
    figure, table, _ = library_figure(design.order, ["gc", "g"])
    assert len(figure.axes) == 16
    shown = table.groupby(["model", "subset"])["sequences"].sum()
    assert shown["gc"].to_dict() == {name: len(_of(design.order, name)) for name in shown["gc"].index}
    _, table, caption = evolution_figure(design.order, design.history, ["gc", "g"])
    assert Counter(table["subset"].dropna())["challenging"] == len(_of(design.order, "challenging"))
    assert "Pareto" in caption


def test_trajectories_take_the_best_step_and_end():
    starts = encode(["ACGTA", "GGGGG"])
    walk = trajectories(lambda codes: (codes == 2).sum(axis=1).astype(float), ["a", "b"], starts, 6, 1)
    assert [tag for tag in walk.tags if tag.startswith("b")] == ["b"]  # nothing is better than G alone
    assert decode(walk.variable[[-1]]) == ["GGGGG"]
    assert walk.tags[-1] == "a_up_ED4"
    assert ((walk.variable[walk.alt] != walk.variable[walk.ref]).sum(axis=1) == 1).all()


def test_random_substitutions_say_what_they_change():
    starts = random_bases(np.random.default_rng(1), 3, 12)
    part = random_substitutions(np.random.default_rng(2), ["x", "y", "z"], starts, 5)
    sides = (decode(part.variable[rows]) for rows in (part.alt, part.ref))
    for tag, alt, ref in zip(part.tags[3:], *sides, strict=True):
        change = tag.split("_")[1]
        place = int(change[1:-1])
        assert (ref[place], alt[place]) == (change[0], change[-1])
        assert ref[:place] + alt[place] + ref[place + 1 :] == alt
    assert len(set(part.tags)) == 18


def test_tiles_count_from_the_gene():
    part, left_out = tiles([("Y", "AAAACCCCGGGGTTTT"), ("Z", "ACGTN")], length=8, step=4, number=2)
    assert dict(zip(part.tags, decode(part.variable), strict=True)) == {"Y.0": "GGGGTTTT", "Y.1": "CCCCGGGG"}
    assert left_out == 0
    assert tiles([("Z", "ACGTN")], 4, 1, 2)[1] == 1


@pytest.mark.parametrize("site", ["GGTCTC", "GANTC", "TTWAA"])
def test_sites_are_found_on_both_strands(site):
    codes = random_bases(np.random.default_rng(4), 400, 60)
    pattern = "".join({"N": "[ACGT]", "W": "[AT]"}.get(letter, letter) for letter in site)
    texts = pd.Series(decode(codes))
    other = pd.Series([reverse_complement(text) for text in texts])
    expected = texts.str.contains(pattern) | other.str.contains(pattern)
    assert (holds_site(codes, site) == expected).all()
    assert expected.any()


def test_runs_and_borders_are_refused():
    codes = encode(["AAAAC", "ACGTC", "CGTGG"])
    assert longest_run(codes).tolist() == [4, 1, 2]
    assert refused(codes, "", "", [], 3).tolist() == [True, False, False]
    assert refused(codes, "", "TCTC", ["GGTCTC"], 0).tolist() == [False, False, True]


def test_pairs_go_together():
    alt = encode(["AC", "AG", "CA", "CT"]).reshape(2, 2, 2)
    part = pairs(["r", "s"], [["1", "2"], ["3", "4"]], encode(["AA", "CC"]), alt)
    bad = np.array([False, True, True, False, False, False])  # reference s, and variant r_1
    left = without(part, bad)
    assert left.tags == ["r", "r_2"]
    assert (left.alt.tolist(), left.ref.tolist()) == ([1], [0])


def test_wrong_settings_are_named_all_at_once(tmp_path):
    path = tmp_path / "design.yaml"
    path.write_text("populaton: 10\nhigh: -1\nforbidden: [GGXTC]\n")
    with pytest.raises(InputError) as error:
        read_design(path)
    assert len(error.value.problems) == 3
    assert "did you mean 'population'" in str(error.value)
    path.write_text("length: 60\nrandom: 5\n")
    with pytest.raises(InputError, match="published sites need sequences of 80 bases"):
        read_design(path)


def test_impossible_designs_are_refused():
    settings = DesignSettings(**{**SMALL, "forbidden": ["TTTTTTT"]})
    with pytest.raises(InputError, match="flank 'TGCATTTTTTTCACATC' itself holds"):
        design_library(MODELS, settings)
    with pytest.raises(InputError, match="no prediction for sequences of 110 bases"):
        design_library({"short": [Count("A", 100)]}, DesignSettings(**SMALL))
    with pytest.raises(InputError, match="name of several promoters"):
        design_library(MODELS, DesignSettings(**SMALL), [("Y", "A" * 80), ("Y", "C" * 80)])
