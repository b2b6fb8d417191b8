"""Projections of docs/scaling.md: made of the measurements, by the rule that the page names."""

from __future__ import annotations

import sys

import pytest

from conftest import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "benchmarks"))
from projection import PAGE, read_measured, with_projection


def test_the_page_is_what_the_measurements_give():
    page = PAGE.read_text(encoding="utf-8")
    assert with_projection(page) == page, "python benchmarks/projection.py"


def test_every_measurement_is_a_row_of_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for name, of in read_measured().items():
        if of.unit in ("elements", "unique sequences", "read pairs (gzip)"):
            assert f"| {of.size:,.0f} | {of.cpu_seconds:g} |" in page or f"| {of.size:,.0f} " in page, name
            assert f"{of.peak_mb:,.0f} | {of.result_mb:g} |" in page, name


def test_time_grows_with_the_measured_exponent_and_at_least_in_proportion():
    measured = read_measured()
    pieces, bowtie2 = measured["cluster (pieces)"], measured["cluster (Bowtie2)"]
    assert pieces.exponent == 1
    assert bowtie2.exponent == pytest.approx(1.244, abs=1e-3)
    assert pieces.hours(2e8) == pytest.approx(100 * 11.1 / 3600)
    assert bowtie2.hours(3e6) == pytest.approx(76.8 * 10**bowtie2.exponent / 3600)
    assert pieces.memory_gb(4e6) == pytest.approx(0.3 + 2 * 1.397)
    assert pieces.result_gb(4e6) == pytest.approx(2 * 0.0529)
