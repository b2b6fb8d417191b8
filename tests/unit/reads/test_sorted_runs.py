"""Packed rows, the table that counts them, runs on disk and their merging: exact, in order, whatever the memory."""

import itertools
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.problems import InputError
from cisflow.reads.packed import pack, unpack, words_for
from cisflow.reads.ragged import Sequences
from cisflow.reads.sorted_runs import count_tables, merge_runs, open_run, write_run, write_tables
from cisflow.reads.unique import HASH_1, HASH_2, UniqueCounter, sort_order

WORDS = 3
BASES = st.text("ACGT", max_size=32 * WORDS)
FEW = st.lists(st.text("AC", max_size=4), max_size=200)


def packed(texts, umis=None):
    codes = None if umis is None else Sequences.from_series(pl.Series(umis, dtype=pl.String))
    rows = Sequences.from_series(pl.Series(texts, dtype=pl.String))
    return pack(rows, WORDS, codes, len(umis[0]) if umis else 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(BASES, min_size=1, max_size=30))
def test_packed_rows_come_back_and_sort_like_the_sequences(texts):
    rows = packed(texts)
    assert unpack(rows, WORDS).to_list() == texts
    order = np.lexsort(rows.T[::-1])
    assert [texts[i] for i in order] == sorted(texts)


def test_sequences_with_n_are_left_out():
    assert unpack(packed(["ACGT" * 9, "ACGT" * 8 + "N", "N", "", "TTT"]), WORDS).to_list() == ["ACGT" * 9, "", "TTT"]
    rows = packed(["AC", "AC", "GT"], ["ACG", "ANG", "TTT"])
    assert rows.shape == (2, WORDS + 2)
    assert unpack(rows, WORDS).to_list() == ["AC", "GT"]


def test_letters_at_the_very_end_of_the_array():
    data = np.frombuffer(b"GATTACA", np.uint8)
    rows = pack(Sequences(data, np.array([0, 4]), np.array([7, 3])), 1)
    assert unpack(rows, 1).to_list() == ["GATTACA", "ACA"]


def test_words():
    assert [words_for(n) for n in (0, 1, 32, 33, 64, 142)] == [0, 1, 1, 2, 2, 5]


@pytest.mark.parametrize("shape", [(1, 1), (5000, 2), (3000, 5)])
@pytest.mark.parametrize("values", [2, 7, 1 << 63])
def test_order_of_rows(shape, values):
    rng = np.random.default_rng([*shape, values % 1000])
    rows = np.unique(rng.integers(0, values, shape, np.uint64), axis=0)
    mixed = rows[rng.permutation(len(rows))]
    assert np.array_equal(mixed[sort_order(mixed, shape[1])], rows)
    for again in (rows, rows[::-1].copy()):
        assert np.array_equal(again[sort_order(again, shape[1])], rows)


def counted(texts, memory, folder, blocks=7, piece_rows=16):
    counter = UniqueCounter(WORDS + 1, memory, folder)
    for part in np.array_split(np.arange(len(texts)), blocks):
        counter.add(packed([texts[i] for i in part]))
    runs = counter.runs()
    tables = list(count_tables(merge_runs(runs, piece_rows), WORDS, False))
    return len(runs), [row for table in tables for row in table.rows()]


@pytest.mark.parametrize(("memory", "runs"), [(1 << 20, 1), (2000, 300)])
def test_counts_do_not_depend_on_memory(tmp_path, memory, runs):
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), n)) for n in rng.integers(0, 7, 4000)]
    found, rows = counted(texts, memory, tmp_path)
    assert found == 1 if runs == 1 else found > 30
    assert rows == sorted(Counter(texts).items())


@settings(max_examples=40, deadline=None)
@given(FEW, st.integers(1, 3000), st.integers(1, 9), st.integers(1, 40))
def test_any_sequences_are_counted(tmp_path_factory, texts, memory, blocks, piece_rows):
    _, rows = counted(texts, memory, tmp_path_factory.mktemp("runs"), blocks, piece_rows)
    assert rows == sorted(Counter(texts).items())


def test_table_grows(tmp_path):
    rows = np.arange(200_000, dtype=np.uint64)[:, None]
    counter = UniqueCounter(1, 1 << 30, tmp_path)
    for _ in range(2):
        counter.add(rows)
    (run,) = counter.runs()
    assert np.array_equal(run[:, 0], rows[:, 0])
    assert (run[:, 1] == 2).all()


def test_rows_of_the_same_hash_are_told_apart(tmp_path):
    """The hash can be inverted: a second word that undoes the first gives every row the same one."""
    first = np.arange(1, 101, dtype=np.uint64)
    with np.errstate(over="ignore"):
        value = (HASH_1 ^ first) * HASH_2
    value ^= value >> np.uint64(32)
    rows = np.column_stack([first, value ^ np.uint64(12345)])
    counter = UniqueCounter(2, 1 << 20, tmp_path)
    counter.add(rows)
    counter.add(rows[:7])
    (run,) = counter.runs()
    assert np.array_equal(run[:, :2], rows)
    assert run[:, 2].tolist() == [2] * 7 + [1] * 93


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.text("AC", max_size=2), st.text("ACGT", min_size=2, max_size=2)))),
    st.integers(1, 12),
)
def test_reads_with_identifiers_are_molecules(tmp_path_factory, parts, piece_rows):
    folder, runs = tmp_path_factory.mktemp("runs"), []
    for part in parts:
        counter = UniqueCounter(WORDS + 2, 1 << 16, folder)
        if part:
            counter.add(packed([text for text, _ in part], [umi for _, umi in part]))
        runs += counter.runs()
    molecules = Counter(text for text, _ in set(itertools.chain(*parts)))
    tables = count_tables(merge_runs(runs, piece_rows), WORDS, True) if runs else []
    assert [row for table in tables for row in table.rows()] == sorted(molecules.items())


def test_runs_on_disk(tmp_path):
    rows = np.arange(30, dtype=np.uint64).reshape(10, 3)
    for name, pieces in (("one", [rows]), ("many", [rows[:4], rows[4:4], rows[4:]]), ("none", [])):
        write_run(pieces, 3, tmp_path / f"{name}.npy")
        expected = rows if pieces else np.empty((0, 3))
        assert np.array_equal(open_run(tmp_path / f"{name}.npy"), expected)
        assert np.array_equal(np.load(tmp_path / f"{name}.npy"), expected)


def test_tables_are_written_piece_by_piece(tmp_path):
    tables = [
        pl.DataFrame({"sequence": [s], "reads": pl.Series([n], dtype=pl.UInt32)}) for s, n in (("A", 2), ("C", 3))
    ]
    assert write_tables(iter(tables), tmp_path / "t.parquet") == (2, 5)
    assert pl.read_parquet(tmp_path / "t.parquet").equals(pl.concat(tables))
    assert write_tables([], tmp_path / "none.parquet") == (0, 0)
    assert pl.read_parquet(tmp_path / "none.parquet").schema == tables[0].schema


def test_too_many_reads_of_a_sequence():
    row = np.append(packed(["ACGT"])[0], np.uint64(1 << 32))[None]
    with pytest.raises(InputError, match="4,294,967,296 reads of ACGT; expected at most 4,294,967,295"):
        list(count_tables([row], WORDS, False))
