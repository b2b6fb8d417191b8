"""The designed library: every subset holds what its name promises."""

import numpy as np
import pandas as pd
import pytest

from cisflow.randomness import generator
from cisflow.simulate.bases import decode, encode
from cisflow.simulate.designed_library import TILING_STEP, design_library
from cisflow.simulate.expression_law import true_expression
from cisflow.simulate.library import write_design
from cisflow.simulate.motifs import MOTIFS
from cisflow.simulate.promoters import site_codes

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
SINGLE = ("all_random_seqs", "yeast_seqs", "high_exp_seqs", "low_exp_seqs", "challenging_seqs")
PAIRED = ("all_SNVs_seqs", "motif_perturbation_seqs", "motif_tiling_seqs")


@pytest.fixture(scope="module")
def design():
    return design_library(generator(11, "design"), DISTAL, PROXIMAL)


@pytest.fixture(scope="module")
def folder(design, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design")
    names = {name: folder / "test_subset_ids" / f"{name}.csv" for name in design.subsets}
    write_design(design, folder / "ordered.tsv", names)
    return folder


def differences(table: pd.DataFrame) -> np.ndarray:
    """Where the two sequences of each pair differ; bool, (pairs, bases of the variable part)."""
    alt, ref = encode(table["alt_sequence"].tolist()), encode(table["ref_sequence"].tolist())
    return (alt != ref)[:, len(DISTAL) : -len(PROXIMAL)]


def test_sequences_are_unique_and_carry_the_flanks(design):
    sequences = decode(design.amplicons)
    assert 1600 <= len(sequences) <= 2000
    assert len(set(sequences)) == len(sequences) == len(set(design.ids))
    assert {(len(s), s[:17], s[-13:]) for s in sequences} == {(110, DISTAL, PROXIMAL)}


def test_same_seed_same_library(design):
    again = design_library(generator(11, "design"), DISTAL, PROXIMAL)
    other = design_library(generator(12, "design"), DISTAL, PROXIMAL)
    assert again.ids == design.ids
    assert np.array_equal(again.amplicons, design.amplicons)
    for name, table in design.subsets.items():
        pd.testing.assert_frame_equal(again.subsets[name], table)
    assert not set(decode(other.amplicons)) & set(decode(design.amplicons))


@pytest.mark.parametrize("name", SINGLE + PAIRED)
def test_files_have_the_challenge_layout_and_name_rows_of_the_order(folder, golden, name):
    path = folder / "test_subset_ids" / f"{name}.csv"
    reference = golden / "dream" / "scoring" / "test_subset_ids" / f"{name}.csv"
    header = path.read_text().splitlines()[0]
    assert header == reference.read_text().splitlines()[0]
    ordered = pd.read_csv(folder / "ordered.tsv", sep="\t", header=None, names=["id", "sequence"])
    table = pd.read_csv(path, index_col=0)
    assert table.index.tolist() == list(range(len(table)))
    for side in ("",) if name in SINGLE else ("alt_", "ref_"):
        rows = ordered.iloc[table[f"{side}pos"]]
        assert rows["sequence"].tolist() == table[f"{side}sequence"].tolist()
        assert rows["id"].tolist() == table[f"{side}tag"].tolist()
        assert table[f"{side}exp"].isna().all()


def test_every_sequence_belongs_to_a_subset(design):
    used = [design.subsets[name][column] for name in SINGLE for column in ("pos",)]
    used += [design.subsets[name][column] for name in PAIRED for column in ("alt_pos", "ref_pos")]
    assert sorted(set(pd.concat(used))) == list(range(len(design.ids)))


def test_variants_differ_in_exactly_one_base_as_their_names_say(design):
    table = design.subsets["all_SNVs_seqs"]
    changed = differences(table)
    assert len(table) == 300
    assert (changed.sum(axis=1) == 1).all()
    for tag, alt, ref, place in zip(
        table["alt_tag"], table["alt_sequence"], table["ref_sequence"], changed.argmax(axis=1) + 17, strict=True
    ):
        assert tag.rsplit("_", 1)[1] == f"{ref[place]}{place - 17}{alt[place]}"


def test_perturbed_pairs_differ_inside_one_site(design):
    table = design.subsets["motif_perturbation_seqs"]
    changed = differences(table)
    width = changed.shape[1] - changed[:, ::-1].argmax(axis=1) - changed.argmax(axis=1)
    assert (width <= max(len(motif.consensus) for motif in MOTIFS)).all()
    weakened = table["alt_tag"].str.endswith("_weakened").to_numpy()
    assert weakened.sum() == 50
    assert (changed[weakened].sum(axis=1) == 1).all()
    kinds = table["alt_tag"].str.extract(r"_(opener_removed|removed|weakened|turned)$")[0]
    assert set(kinds) == {"opener_removed", "removed", "weakened", "turned"}


def test_removing_a_site_undoes_what_its_role_did(design):
    table, expression = design.subsets["motif_perturbation_seqs"], true_expression(design.amplicons)
    effect = expression[table["alt_pos"]] - expression[table["ref_pos"]]
    roles = {motif.name: motif.role for motif in MOTIFS}
    parts = table["alt_tag"].str.extract(r"^perturbation_\d+_(.+)_removed$")[0]
    activators = parts.map(roles).eq("activator").to_numpy()
    repressors = parts.map(roles).eq("repressor").to_numpy()
    assert effect[activators].mean() < -1
    assert effect[repressors].mean() > 1


def test_tiled_pairs_hold_the_site_at_successive_places_of_one_background(design):
    table = design.subsets["motif_tiling_seqs"]
    parts = table["alt_tag"].str.extract(r"^(tiling_\d+)_(.+)_(plus|minus)_(\d+)$")
    assert parts[0].tolist() == table["ref_tag"].tolist()
    index = {motif.name: i for i, motif in enumerate(MOTIFS)}
    changed = differences(table)
    for (name, strand, start), sequence, where in zip(
        parts[[1, 2, 3]].itertuples(index=False), table["alt_sequence"], changed, strict=True
    ):
        site = decode(site_codes(index[name], strand == "minus")[None])[0]
        assert sequence[17 + int(start) :].startswith(site)
        assert not np.delete(where, np.arange(int(start), int(start) + len(site))).any()
    places = parts.groupby([0, 1])[3].apply(lambda column: sorted(column.astype(int)))
    assert places.map(lambda p: (np.diff(p) % TILING_STEP == 0).all() and len(p) >= 12).all()


def test_high_and_low_are_extreme_by_the_true_law(design):
    expression = true_expression(design.amplicons)
    means = {name: expression[design.subsets[name]["pos"]] for name in SINGLE}
    assert means["high_exp_seqs"].min() > np.quantile(means["all_random_seqs"], 0.95)
    assert means["low_exp_seqs"].max() < np.quantile(means["all_random_seqs"], 0.05)


def test_rearranged_sequences_hold_the_blocks_of_dense_ones(design):
    table = design.subsets["challenging_seqs"].set_index("tag")["sequence"]
    blocks = {
        tag: sorted(sequence[17 + i : 33 + i] for i in range(0, 80, 16))
        for tag, sequence in table.items()
        if "_dense_" in tag or "_rearranged_" in tag
    }
    pairs = [(tag, tag.replace("rearranged", "dense")) for tag in blocks if "rearranged" in tag]
    assert len(pairs) > 60
    assert all(blocks[a] == blocks[b] for a, b in pairs)
