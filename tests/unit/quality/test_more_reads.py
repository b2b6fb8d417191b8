"""What more reads would give: the parts of the standard errors, and the answer in words."""

import numpy as np
import pytest
from sorted_toys import bins_sheet, good_counts

from cisflow.quality.library import error_parts, gather
from cisflow.quality.more_reads import more_reads

SETTINGS = {
    "bin_weights": "depth", "pseudocount": 10, "limits": [-4, 4], "optimum": "global", "abundance": "mean",
    "interval": 0.95,
}  # fmt: skip


def library(reads, cells, cells_known=True, elements=1500):
    """A toy library with a number of reads and of cells per element."""
    counts = good_counts(elements=elements, reads=reads, cells=cells)
    share = counts[[row["bin"] for row in bins_sheet()]].sum() / (reads * elements)
    bins = [
        row | {"cells": float(cells * elements * share[row["bin"]]) if cells_known else None} for row in bins_sheet()
    ]
    return gather("toy", counts, {**SETTINGS, "bins": bins}, {})


def test_reads_of_many_cells_help():
    answer = more_reads(library(reads=4, cells=200))
    assert answer.error_doubled / answer.error == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert answer.sentence().startswith("Would more reads help? Yes: ")
    assert answer.cells_known


def test_reads_of_few_cells_do_not():
    answer = more_reads(library(reads=200, cells=10))
    assert answer.copies > 10
    assert answer.error_doubled > 0.95 * answer.error
    assert answer.sentence().startswith("Would more reads help? Hardly: ")
    assert "only more cells would lower it much" in answer.sentence()


@pytest.mark.parametrize("cells_known", [True, False])
def test_expected_error_is_that_of_twice_the_reads(cells_known):
    few, many = (more_reads(library(reads, 200, cells_known, elements=4000)) for reads in (20, 40))
    assert few.error_doubled == pytest.approx(many.error, rel=0.05)
    assert few.amplification_seen
    assert "at best" not in few.sentence()


def test_too_few_reads_to_see_amplification():
    answer = more_reads(library(reads=4, cells=200))
    assert not answer.amplification_seen
    assert "bins at best" in answer.sentence()


def test_parts_of_the_errors_belong_to_the_estimates():
    toy = library(reads=20, cells=30)
    error, amplified, copies = error_parts(toy)
    assert error.shape == amplified.shape == (len(toy.bin_mean),)
    assert np.all(amplified >= 0)
    assert copies == pytest.approx(1 + 20 / 30, rel=0.1)
