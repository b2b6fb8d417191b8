"""Datasets: no near-identical sequences on two sides, shares as asked, everything counted, fixed by the seed."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequence_families import either_strand, mutate

from cisflow.datasets.build import SplitSettings, build_dataset
from cisflow.datasets.split import SplitError, plain_split, split_components
from cisflow.datasets.tables import read_test_table, read_training_table
from cisflow.figures.datasets import split_figure
from cisflow.problems import InputError


def rows_of(sequences, expression=None):
    n = len(sequences)
    values = np.arange(n, dtype=float) if expression is None else expression
    return pl.DataFrame(
        {
            "element": [f"e{i}" for i in range(n)],
            "sequence": sequences,
            "expression": values,
            "n_reads": pl.Series([None] * n, dtype=pl.Int64),
            "is_singleton": [False] * n,
        }
    )


def with_pos(table):
    return table.with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64) * 3)


def families(seed, n_families, largest, length=30):
    """Sequences of families of up to ``largest`` members that are one or two edits away from their root."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n_families):
        root = "".join(rng.choice(list("ACGT"), length))
        made += [root] + [mutate(root, int(rng.integers(1, 3)), rng) for _ in range(int(rng.integers(largest)))]
    return [made[i] for i in rng.permutation(len(made))]


def options(**changes):
    return SplitSettings(**{"dataset": "d", "seed": 1, "validation": 0.2, "test": 0.2, "max_distance": 3, **changes})


def pairs_between_splits(table, distance):
    rows = list(zip(table["sequence"], table["split"], strict=True))
    return [
        (a, b) for i, (a, s) in enumerate(rows) for b, t in rows[i + 1 :] if s != t and either_strand(a, b) <= distance
    ]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3), st.booleans())
def test_nothing_leaks_between_splits(seed, distance, own_test):
    sequences = families(seed, 20, 4)
    test = with_pos(rows_of(sequences[-15:])) if own_test else None
    train = rows_of(sequences[:-15] if own_test else sequences)
    built = build_dataset(train, test, options(seed=seed % 1000, max_distance=distance))
    assert pairs_between_splits(built.table, distance) == []
    assert built.leakage["pairs_after"].sum() == 0
    assert built.leakage["rows_after"].sum() == 0


def test_before_counts_what_a_plain_split_leaks():
    sequences = families(5, 60, 4)
    built = build_dataset(rows_of(sequences), None, options())
    assert built.leakage["pairs_before"].sum() > 10
    assert built.leakage.columns[:3] == ["dataset", "first", "second"]
    assert built.leakage.rows()[0][:3] == ("d", "train", "validation")


def test_rows_near_a_test_sequence_are_taken_out_and_counted():
    rng = np.random.default_rng(6)
    train = ["".join(rng.choice(list("ACGT"), 40)) for _ in range(50)]
    test = [mutate(train[3], 2, rng), train[7], "".join(rng.choice(list("ACGT"), 40))]
    built = build_dataset(rows_of(train), with_pos(rows_of(test)), options())
    gone = set(train) - set(built.table.filter(pl.col("split") != "test")["sequence"])
    assert gone == {train[3], train[7]}
    removed = built.leakage.filter((pl.col("first") == "train") & (pl.col("second") == "test"))
    assert removed["removed"].item() == 2
    assert dict(built.funnel.select("step", "count").iter_rows()) == {
        "training rows": 50,
        "not near-identical to a test sequence": 48,
        "split train": 38,
        "split validation": 10,
        "test rows": 3,
        "split test": 3,
    }
    assert built.table.filter(pl.col("split") == "test")["pos"].to_list() == [0, 3, 6]
    assert (built.table.filter(pl.col("split") != "test")["pos"] == -1).all()


def test_shares_and_positions_without_a_test_table():
    sequences = families(7, 300, 3)
    built = build_dataset(rows_of(sequences), None, options(validation=0.1, test=0.15))
    share = built.table["split"].value_counts(normalize=True)
    share = dict(share.iter_rows())
    assert share["validation"] == pytest.approx(0.1, abs=0.01)
    assert share["test"] == pytest.approx(0.15, abs=0.01)
    test = built.table.filter(pl.col("split") == "test")
    assert [sequences[p] for p in test["pos"]] == test["sequence"].to_list()
    assert built.table["element"].to_list() == [f"e{i}" for i in range(len(sequences))]
    columns = ["element", "sequence", "expression", "n_reads", "is_singleton", "split", "pos"]
    assert built.table.columns == columns


def test_same_seed_same_split_and_other_seed_another():
    sequences = families(8, 100, 3)
    one, again, other = (build_dataset(rows_of(sequences), None, options(seed=s)) for s in (1, 1, 2))
    assert one.table.equals(again.table)
    assert one.leakage.equals(again.leakage)
    assert not one.table["split"].equals(other.table["split"])


def test_rows_without_an_estimate_are_left_out_and_counted():
    sequences = families(9, 30, 2)
    values = np.arange(len(sequences), dtype=float)
    values[[2, 5]] = np.nan
    built = build_dataset(rows_of(sequences, values), None, options())
    assert "e2" not in set(built.table["element"])
    assert (
        dict(built.funnel.select("step", "count").iter_rows())["training rows with an estimate"] == len(sequences) - 2
    )
    test = built.table.filter(pl.col("split") == "test")
    assert [sequences[p] for p in test["pos"]] == test["sequence"].to_list()


def test_dataset_of_test_rows_alone():
    built = build_dataset(None, with_pos(rows_of(["ACGT", "ACGA"])), options())
    assert built.table["split"].to_list() == ["test", "test"]
    assert built.leakage["pairs_before"].sum() == 0
    assert built.funnel["step"].to_list() == ["test rows", "split test"]


def test_a_collapsed_library_names_the_distance_that_works():
    """Variants of one promoter: all of one family at three edits, but few equal ones."""
    rng = np.random.default_rng(10)
    root = "".join(rng.choice(list("ACGT"), 60))
    variants = [mutate(root, int(rng.integers(1, 3)), rng) for _ in range(300)]
    with pytest.raises(InputError) as caught:
        build_dataset(rows_of(variants), None, options(validation=0.1, test=0.1))
    message = str(caught.value)
    assert 'column "split.max_distance": 3 joins too many sequences' in message
    assert "whole families of sequences give it" in message
    works = int(message.split("Use split.max_distance: ")[1].split()[0])
    assert works < 3
    built = build_dataset(rows_of(variants), None, options(validation=0.1, test=0.1, max_distance=works))
    assert built.leakage["pairs_after"].sum() == 0


def test_a_library_of_equal_sequences_cannot_be_split():
    with pytest.raises(InputError, match=r"cannot be split, not even with split.max_distance: 0"):
        build_dataset(rows_of(["ACGTACGTAC"] * 50), None, options())


def test_training_rows_that_all_resemble_the_test():
    sequences = families(11, 12, 1)
    with pytest.raises(InputError, match="0 of 12 training rows are left"):
        build_dataset(rows_of(sequences), with_pos(rows_of(sequences)), options())


def test_too_few_rows_and_nothing_to_test_on():
    sequences = families(12, 9, 1)
    with pytest.raises(InputError, match="9 rows to train on; expected 10 or more"):
        build_dataset(rows_of(sequences), None, options())
    with pytest.raises(InputError, match="has no test rows"):
        build_dataset(rows_of(sequences), None, options(test=0))
    with pytest.raises(InputError, match="has no test rows"):
        build_dataset(None, None, options())
    with pytest.raises(InputError, match="no test row has an expression estimate"):
        build_dataset(None, with_pos(rows_of(["ACGT"], [np.nan])), options())


def test_components_stay_whole_and_large_ones_go_to_training():
    component = np.repeat(np.arange(40), 5)
    component[:60] = 0
    split = split_components(component, {"validation": 20, "test": 20}, np.random.default_rng(1))
    for label in np.unique(component):
        assert len(set(split[component == label])) == 1
    assert (split[component == 0] == "train").all()
    assert (split == "validation").sum() == (split == "test").sum() == 20


def test_a_split_that_no_component_fits():
    with pytest.raises(SplitError, match="validation should get 10 rows, but whole families of sequences give it 0"):
        split_components(np.repeat([0, 1, 2], 50), {"validation": 10}, np.random.default_rng(1))


def test_plain_split_has_the_same_sizes():
    split = plain_split(100, {"validation": 10, "test": 20}, np.random.default_rng(1))
    assert [(split == name).sum() for name in ("train", "validation", "test")] == [70, 10, 20]


def test_challenge_sample_and_public_test(shared_data):
    folder = shared_data / "expression" / "dream"
    train = read_training_table(folder / "demo_train.txt.gz")
    test = read_test_table(folder / "test_public.tsv.gz")
    built = build_dataset(train, test, options(validation=0.1))
    assert dict(built.table["split"].value_counts().iter_rows()) == {"train": 5733, "validation": 637, "test": 9045}
    # Variants of the same promoters: what a plain random split of the test set would have leaked.
    again = build_dataset(test.drop("pos"), None, options(validation=0.1, test=0.1))
    assert again.leakage["pairs_before"].min() > 200
    assert again.leakage["pairs_after"].to_list() == [0, 0, 0]


@pytest.mark.parametrize("own_test", [True, False])
def test_figure_tells_rows_and_leakage(own_test):
    sequences = families(13, 80, 3)
    test = with_pos(rows_of(sequences[:20])) if own_test else None
    built = build_dataset(rows_of(sequences[20:] if own_test else sequences), test, options())
    rows = built.table.select("split", "expression").to_pandas()
    figure, table, caption = split_figure(rows, built.leakage.to_pandas(), 3, own_test)
    assert len(figure.axes) == (4 if own_test else 3)
    drawn = table[table["panel"] == "rows"].set_index("split")["value"]
    assert drawn.to_dict() == rows["split"].value_counts().to_dict()
    assert f"leaves {built.leakage['pairs_before'].sum():,} such pairs" in caption
    assert ("were taken out" in caption) == own_test
