"""Predictions of streamed sequences are those of all at once, from every format; tracks hold the intervals' values."""

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyBigWig
import pytest

from cisflow.models import predict_stream as stream
from cisflow.models.predict_stream import predict_stream, read_sequences, write_predictions, write_track
from cisflow.problems import InputError
from cisflow.variants.sequences import Place

ROWS = [(f"s{i}", "".join(np.random.default_rng(i).choice(list("ACGTN"), 20 + i % 3))) for i in range(50)]


class Share:
    """Share of G and C, times a factor; nothing for sequences of 22 bases."""

    def __init__(self, factor=1.0):
        self.factor, self.largest = factor, 0

    def predict(self, sequences):
        self.largest = max(self.largest, len(sequences))
        share = [(s.count("G") + s.count("C")) / len(s) if len(s) != 22 else np.nan for s in sequences]
        return self.factor * np.array(share)


def write(path):
    if path.suffix == ".parquet":
        pd.DataFrame(ROWS, columns=["element", "sequence"]).to_parquet(path)
        return path
    fasta = ".fa" in path.suffixes
    separator = "," if ".csv" in path.suffixes else "\t"
    text = "".join(f">{n} about\n{s[:7].lower()}\n{s[7:]}\n" if fasta else f"{n}{separator}{s}\n" for n, s in ROWS)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.fa", "a.fa.gz", "a.tsv", "a.csv.gz", "a.parquet"])
def test_every_format(tmp_path, name):
    assert list(read_sequences(write(tmp_path / name))) == ROWS


def test_blocks_change_nothing_and_bound_memory(monkeypatch):
    whole = pl.concat(predict_stream({"m": [Share(), Share(3)], "n": [Share()]}, iter(ROWS)))
    assert whole.columns == ["id", "m", "m.1", "m.2", "n"]
    assert whole["m"].to_list() == pytest.approx(
        [None if len(s) == 22 else 2 * Share().predict([s])[0] for _, s in ROWS]
    )
    monkeypatch.setattr(stream, "BLOCK", 7)
    model = Share()
    blocks = pl.concat(predict_stream({"m": [model, Share(3)], "n": [Share()]}, iter(ROWS)))
    assert model.largest == 7
    assert blocks.equals(whole)


def test_table_counts_what_has_no_prediction(tmp_path):
    assert write_predictions({"m": [Share()]}, iter(ROWS), tmp_path / "o.tsv") == (50, 16)
    table = pd.read_csv(tmp_path / "o.tsv", sep="\t")
    assert table["m"].isna().sum() == 16
    assert table["id"].tolist() == [name for name, _ in ROWS]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\tACGT\nb\tAXGT\n", "sequence 2 .*AXGT"), ("a\tACGT\tx\n", "row 1: 3 cells"), ("a\t\n", "sequence 1")],
)
def test_bad_sequences_leave_no_table(tmp_path, text, message):
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        write_predictions({"m": [Share()]}, read_sequences(tmp_path / "a.tsv"), tmp_path / "o.tsv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


def test_track_of_intervals(tmp_path):
    places = [
        Place("b", "chr2", 5, 9, "-", "GGAA"),
        Place("a", "chr1", 10, 14, "+", "GCGC"),
        Place("none", "chr1", 20, 42, "+", "A" * 22),
    ]
    write_track([Share(), Share(3)], places, {"chr1": 100, "chr2": 50}, tmp_path / "o.bw", left="CC")
    with pyBigWig.open(str(tmp_path / "o.bw")) as track:
        assert track.chroms() == {"chr1": 100, "chr2": 50}
        assert track.intervals("chr1") == ((10, 14, 2.0), (20, 42, pytest.approx(2 * 2 / 24)))
        assert track.intervals("chr2") == ((5, 9, pytest.approx(2 * 4 / 6)),)
    with pytest.raises(InputError, match="overlaps"):
        write_track([Share()], [places[1], Place("c", "chr1", 13, 15, "+", "AC")], {"chr1": 100}, tmp_path / "p.bw")
