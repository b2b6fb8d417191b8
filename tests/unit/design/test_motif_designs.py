"""Motif designs against the published test sequences: every one is written from its tag."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cisflow.design.motifs import HSF1, REB1, REB1_START, TILED, hsf1_starts, mutated, perturbed, tiled
from cisflow.simulate.bases import decode, encode, random_bases, reverse_complement

LEFT, RIGHT = len("TGCATTTTTTTCACATC"), len("GGTTACGGCTGTT")


def _published(shared_data, name):
    table = pd.read_csv(shared_data / "expression" / "dream" / "test_subset_ids" / f"{name}.csv.gz")
    table["change"] = table["alt_tag"].str.split("_", n=1).str[1]
    for side in ("alt", "ref"):
        table[side] = table[f"{side}_sequence"].str[LEFT:-RIGHT]
    return table


def _put(background, start, site):
    whole = background[:start] + site + background[start + len(site) :]
    return "".join(old if new == "." else new for old, new in zip(background, whole, strict=True))


def test_perturbed_sequences_are_those_published(shared_data):
    table, hsf1 = _published(shared_data, "motif_perturbation_seqs"), hsf1_starts()
    for change, alt, ref in table[["change", "alt", "ref"]].drop_duplicates().itertuples(index=False):
        made = ref
        if change.startswith("Hsf1"):
            kind, starts = hsf1[change]
            for start in starts:
                made = _put(made, start, HSF1[kind])
        else:
            site, mutations, start = change.split("_")
            name, *other = site.removeprefix("Reb1.").split(".")
            wanted = reverse_complement(REB1[name]) if other else REB1[name]
            made = _put(made, int(start), mutated(wanted, mutations.split(".")))
            assert int(start) == REB1_START
        assert made == alt, change
    kinds = set(table["change"])
    assert set(hsf1) == {change for change in kinds if change.startswith("Hsf1")}


def test_tiled_sequences_are_those_published(shared_data):
    table = _published(shared_data, "motif_tiling_seqs")
    backgrounds = table.drop_duplicates("ref_tag")
    part = tiled(backgrounds["ref_tag"].tolist(), encode(backgrounds["ref"].tolist()))
    made = dict(zip(part.tags, decode(part.variable), strict=True))
    assert set(table["alt_tag"]) <= set(made)
    assert (table["alt"] == table["alt_tag"].map(made)).all()
    # What was not measured apart, the design is complete: every place of every motif on both strands.
    assert len(part.alt) == 3 * 2 * sum(80 - len(site) + 1 for site in TILED.values())


def test_perturbations_are_as_many_as_published():
    rng = np.random.default_rng(1)
    backgrounds = random_bases(rng, 2, 80)
    part = perturbed(rng, ["a", "b"], backgrounds)
    changes = [tag.split("_", 1)[1] for tag in part.tags[2:]]
    assert len(changes) == len(part.alt) == 2 * (4 * 27 + 2 * 100 + len(hsf1_starts()))
    assert len(set(part.tags)) == len(part.tags)
    heads = pd.Series([c.split("_")[0] + str(c.count(".", c.find("_"))) for c in changes if c.startswith("Reb1")])
    assert heads.value_counts().drop_duplicates().tolist() == [100, 54]
    differs = part.variable[part.alt] != part.variable[part.ref]
    reb1 = np.array([tag.startswith(("a_Reb1", "b_Reb1")) for tag in np.array(part.tags)[part.alt]])
    outside = np.r_[0:REB1_START, REB1_START + 9 : 80]
    assert not differs[reb1][:, outside].any()
