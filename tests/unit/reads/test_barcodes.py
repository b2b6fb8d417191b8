"""In-line barcodes: bins that share a file get disjoint reads, the nearest barcode within the limit."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.reads.count import ReadSettings, count_reads
from cisflow.reads.extract import extract
from cisflow.reads.ragged import Sequences
from cisflow.reads.structure import parse_structure

LINE = "{barcode:6} TTAGGC {variable:12} TTGACC"
BARCODES = {"a": "ACGTAC", "b": "TGCTAC", "c": "GATCCA"}  # three bases or more apart


def write(path, reads):
    path.write_text("".join(f"@r{i}\n{bases}\n+\n{'I' * len(bases)}\n" for i, bases in enumerate(reads)))
    return path


@pytest.mark.parametrize("mismatches", [0, 1])
def test_bins_of_one_file_share_no_read(tmp_path, mismatches):
    rng = np.random.default_rng(6)
    reads, truth = [], dict.fromkeys(BARCODES, 0)
    for i in range(600):
        code = list(list(BARCODES.values())[i % 3])
        errors = i % 4 if i % 4 < 3 else 0
        for place in rng.choice(6, errors, replace=False):
            code[place] = rng.choice([base for base in "ACGT" if base != code[place]])
        near = [n for n, c in BARCODES.items() if sum(x != y for x, y in zip(c, code, strict=True)) <= mismatches]
        for name in near:
            truth[name] += 1
        reads.append("".join(code) + "TTAGGC" + f"{i:012b}".replace("0", "A").replace("1", "C") + "TTGACC")
    file = write(tmp_path / "shared.fq", reads)
    config = ReadSettings(LINE, 40, 15, 0.75, 1, False, "forward", barcode_mismatches=mismatches)
    counts = {name: count_reads([file], [], config, barcodes=[code]) for name, code in BARCODES.items()}
    assert {name: count.table["reads"].sum() for name, count in counts.items()} == truth
    sequences = pl.concat([count.table["sequence"] for count in counts.values()])
    assert sequences.is_unique().all()  # every read has a variable part of its own


def test_lanes_may_have_barcodes_of_their_own(tmp_path):
    files = [
        write(tmp_path / f"{name}.fq", [code + "TTAGGC" + "ACACACACACAC" + "TTGACC"]) for name, code in BARCODES.items()
    ]
    config = ReadSettings(LINE, 40, 15, 0.75, 1, False, "forward")
    assert count_reads(files, [], config, barcodes=list(BARCODES.values())).table["reads"].to_list() == [3]
    assert count_reads(files, [], config, barcodes=[BARCODES["a"]] * 3).table["reads"].to_list() == [1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ACGTN", min_size=6, max_size=6), min_size=1, max_size=20), st.integers(0, 3))
def test_a_barcode_is_right_within_its_substitutions(codes, mismatches):
    reads = Sequences.from_series(pl.Series([code + "TTAGGC" + "A" * 12 + "TTGACC" for code in codes]))
    found = extract(reads, parse_structure(LINE), 0, False, False, "ACGTAC", mismatches)
    expected = [sum(x != y for x, y in zip("ACGTAC", code, strict=True)) <= mismatches for code in codes]
    assert found.barcode_ok.tolist() == expected
