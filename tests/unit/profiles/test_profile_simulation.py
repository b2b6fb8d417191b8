"""The simulated assay: its parts are where the truth says, the enzyme is the same on both strands."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from cisflow.contacts.genome import Genome, reverse_complement
from cisflow.figures.accessibility import simulated_assay_figure
from cisflow.figures.style import save_figure
from cisflow.randomness import generator
from cisflow.simulate.accessibility import FACTORS, AssayModel, enzyme_preference, log_bias, simulate_chromosome

sys.path.insert(0, str(Path(__file__).parent))
from profile_toys import WINDOW, prepare_toy, simulate_toy


@pytest.fixture(scope="module")
def chromosome():
    model = AssayModel()
    preference = enzyme_preference(generator(1, "enzyme"), model)
    return simulate_chromosome(generator(1, "chr1"), 60_000, 40, preference, model), preference, model


def test_sites_are_written_where_the_truth_says(chromosome):
    found, _, _ = chromosome
    for start, strand, factor in zip(found.site_start, found.site_strand, found.site_factor, strict=True):
        site = np.array(["ACGT".index(base) for base in FACTORS[factor][1]], dtype=np.uint8)
        written = found.codes[start : start + len(site)]
        np.testing.assert_array_equal(written if strand == 1 else reverse_complement(written), site)


def test_the_enzyme_cuts_both_strands_alike(chromosome):
    found, preference, _ = chromosome
    forward = log_bias(found.codes, preference)
    backward = log_bias(reverse_complement(found.codes), preference)[::-1]
    np.testing.assert_allclose(forward, backward, atol=1e-9)
    assert np.exp(forward).mean() == pytest.approx(1)
    assert 0.5 < forward.std() < 2


def test_cuts_follow_sites_and_bias(chromosome):
    found, _, model = chromosome
    effects = np.bincount(found.site_region, np.array([f[2] for f in FACTORS])[found.site_factor])
    assert np.corrcoef(effects, found.log_cuts)[0, 1] > 0.8
    closed = np.abs(np.arange(60_000)[:, None] - found.middle).min(axis=1) > 400
    np.testing.assert_allclose(found.rate[closed], model.background * np.exp(found.log_bias[closed]), rtol=1e-4)
    assert (np.diff(found.middle) > 500).all()
    with pytest.raises(ValueError, match="do not fit"):
        simulate_chromosome(generator(1, "x"), 10_000, 50, np.zeros((9, 4)), model)


def test_files_agree_with_the_truth(tmp_path):
    files = simulate_toy(tmp_path)
    truth = np.load(tmp_path / "truth.npz")
    peaks = pd.read_csv(files.peaks, sep="\t", header=None)
    assert len(peaks) == 180
    first = peaks[peaks[0] == "chr1"]
    assert (np.abs(first[1] + first[9] - truth["chr1.middle"]) <= 4).all()
    track = pyBigWig.open(str(files.track))
    counts = np.nan_to_num(track.values("chr1", 0, 30_000, numpy=True))
    assert (counts == np.rint(counts)).all()
    assert counts.sum() == pytest.approx(truth["chr1.rate"].sum(), rel=0.05)
    assert (first[6] == [counts[s:e].sum() for s, e in zip(first[1], first[2], strict=True)]).all()
    assert Genome(files.genome).lengths == dict.fromkeys(("chr1", "chr2", "chr3"), 30_000)


def test_figure_draws_the_truth_of_one_region(tmp_path):
    prepared = prepare_toy(simulate_toy(tmp_path), tmp_path / "p")
    truth, regions = np.load(tmp_path / "truth.npz"), pd.read_parquet(prepared.regions)
    counts = np.load(prepared.counts)
    figure, table, caption = simulated_assay_figure(truth, regions, counts, WINDOW.jitter, "toy")
    save_figure(figure, table, tmp_path / "x.svg", "x", caption)
    drawn = table[table["panel"] == "region"]
    assert len(drawn) == WINDOW.output_length
    assert drawn["cuts"].sum() in regions.loc[regions["kind"] == "peak", "count"].to_numpy()
    assert (table["panel"] == "preference").sum() == 9
    assert table.loc[table["panel"] == "counts", "regions"].sum() == len(regions)
