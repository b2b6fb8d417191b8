"""Encoding of promoters and soft labels against the published ones; refusals."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cisflow.models import encoding
from cisflow.models.encoding import PLASMID_LEFT, PadEncoding, PlasmidEncoding, letter_codes, reverse_complement
from cisflow.models.expression_data import EncodedRows
from cisflow.models.losses import SoftLabelLoss, soft_labels
from cisflow.problems import InputError

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import ADAPTER

LETTERS = "AGCTN"


def as_text(codes: np.ndarray) -> str:
    return "".join(LETTERS[code] for code in codes)


def test_golden_rows(golden):
    rows = json.loads((golden / "dream" / "encoding_golden.json").read_text())["autosome"]
    forward = [row for row in rows if row["rev"] == 0]
    plasmid = PlasmidEncoding()
    table = EncodedRows(
        plasmid.codes([row["input"] for row in forward]),
        np.array([row["expression"] for row in forward]),
        np.array([row["expression"] == np.round(row["expression"]) for row in forward]),
        is_reverse=np.zeros(len(forward), bool),
        both_strands=True,
        places=np.arange(len(forward)),
    )
    assert len(table) == len(rows)
    taken = table.take(np.arange(len(table)))
    x = plasmid.tensor(*(torch.from_numpy(taken[name]) for name in ("codes", "is_reverse", "is_singleton")))
    for i, row in enumerate(rows):
        assert as_text(taken["codes"][i]) == row["sequence150"]
        assert list(x[i].shape) == row["x_shape"]
        assert str(x.dtype) == "torch." + row["x_dtype"]
        assert x[i].sum(dim=1).tolist() == row["channel_sums"]
        assert x[i, :4, :20].argmax(dim=0).tolist() == row["argmax_first20"]
        assert taken["expression"][i] == row["expression"]


def test_soft_labels_golden(golden):
    expected = json.loads((golden / "dream" / "soft_labels_golden.json").read_text())
    expression = np.array([entry["expression"] for entry in expected["entries"]])
    found = soft_labels(expression)
    np.testing.assert_allclose(found, [e["probs_float64"] for e in expected["entries"]], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(
        SoftLabelLoss().targets(expression).numpy(),
        np.array([e["probs_float32"] for e in expected["entries"]], dtype=np.float32),
    )
    np.testing.assert_allclose(found @ np.arange(18), [e["expectation"] for e in expected["entries"]], rtol=1e-12)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=20))
def test_soft_labels_of_ten_bins_are_shares(expression):
    labels = soft_labels(np.array(expression), bins=10)
    assert labels.shape == (len(expression), 10)
    assert (labels >= 0).all()
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-12)


def test_plasmid_context_is_150_bases_that_end_with_the_adapter():
    assert len(PLASMID_LEFT) == 150
    assert PLASMID_LEFT.endswith("TGCATTTTTTTCACATC")


def test_context_is_used_up_before_n_is_filled_in():
    encoded = PlasmidEncoding(length=30, left_context="GGGACGT", left_adapter_length=4).codes(["ACGTTTTT"])
    assert as_text(encoded[0]) == "N" * 19 + "GGGACGT" + "TTTT"


@given(st.lists(st.text("ACGTNacgtn", min_size=0, max_size=20), min_size=1, max_size=8))
def test_pad_keeps_every_base(sequences):
    encoded = PadEncoding(length=20).codes(sequences)
    assert [as_text(row) for row in encoded] == [s.upper().rjust(20, "N") for s in sequences]
    twice = reverse_complement(reverse_complement(encoded))
    assert (twice == encoded).all()


def test_reverse_complement_of_codes():
    codes = letter_codes(["ACGTNNA"])[0]
    assert as_text(reverse_complement(codes)) == "TNNACGT"


def test_rows_are_encoded_alike_in_blocks(monkeypatch):
    rng = np.random.default_rng(1)
    sequences = [ADAPTER + "".join(rng.choice(list("ACGTN"), rng.integers(5, 170))) for _ in range(50)]
    whole = PlasmidEncoding().codes(sequences)
    monkeypatch.setattr(encoding, "CHUNK", 7)
    assert (PlasmidEncoding().codes(sequences) == whole).all()
    assert (np.concatenate([PlasmidEncoding().codes([s]) for s in sequences]) == whole).all()


def test_n_has_no_base_and_flags_are_channels():
    pad = PadEncoding(length=4, flags=["is_reverse"])
    x = pad.tensor(torch.from_numpy(pad.codes(["AN"])), torch.ones(1), torch.ones(1))
    assert x[0].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    assert pad.n_channels == 5


@pytest.mark.parametrize(
    ("encode", "sequences", "message"),
    [
        (PadEncoding(9), ["ACGT", "ACUT"], r"row 3, column \"sequence\": letter 'U' in sequence 'ACUT'.*1 of 2"),
        (PadEncoding(9), ["AC-T"], r"letter '-'"),
        (PadEncoding(9), ["ACé"], r"letter 'é'"),
        (PadEncoding(3), ["ACG", "ACGTA"], r"row 3.*sequence of 5 bases, longer than .* length 3"),
        (PlasmidEncoding(), ["A" * 80] * 3, r"only 0\.0% of the sequences begin with the left adapter TGCATT.*`pad`"),
    ],
)
def test_refusals(encode, sequences, message):
    with pytest.raises(InputError, match=message):
        encode.codes(sequences)


def test_unknown_flag_is_told():
    with pytest.raises(InputError, match="unknown flags"):
        PadEncoding(10, flags=["is_forward"])


def test_values_outside_the_bins_are_told():
    with pytest.raises(InputError, match=r"2 of 3 values are outside 0 to 17, e\.g\. -1\.3.*loss `mse`"):
        SoftLabelLoss().check(np.array([-1.3, 5.0, 17.2]), "dataset")


def test_left_context_is_the_plasmid_before_its_gap(shared_data):
    plasmid = json.loads((shared_data / "expression" / "dream" / "plasmid.json").read_text())
    assert plasmid[: plasmid.index("N")].endswith(PLASMID_LEFT)


def test_published_training_sequences(shared_data):
    table = pd.read_csv(shared_data / "expression" / "dream" / "demo_train.txt.gz", sep="\t", header=None)
    encoded = PlasmidEncoding().codes(table[0], "demo_train.txt.gz")
    for i in range(0, len(table), 97):
        assert as_text(encoded[i]) == (PLASMID_LEFT + table[0][i][17:])[-150:]
    assert int((encoded == 4).any(axis=1).sum()) == 25  # the sequences with N
    expression = table[1].to_numpy(float)
    SoftLabelLoss().check(expression, "demo_train.txt.gz")
    assert np.abs(soft_labels(expression) @ np.arange(18) - expression).max() < 0.17  # largest at the open ends
