"""The simulated map holds what its truth says, and the stage finds it again."""

import hashlib
from itertools import pairwise

import cooler
import numpy as np
import pytest

from cisflow.contacts.expected import compute_expected
from cisflow.contacts.formats import list_resolutions
from cisflow.contacts.genome import Genome
from cisflow.contacts.peaks import PeakTracks
from cisflow.contacts.prepare import prepare_map
from cisflow.contacts.targets import ContactMap
from cisflow.randomness import generator
from cisflow.simulate.contacts import (
    MapModel,
    cis_rates,
    draw_contacts,
    log_decay,
    make_tracks,
    simulate_contacts,
    sum_bins,
)
from cisflow.simulate.genome import GenomeModel, find_motif, simulate_chromosome, simulate_genome

FILES = ("s.fa", "s.mcool", "s.truth.npz", "s.peaks.bed")


def simulate(folder, seed=1):
    simulate_contacts("tiny", seed, 3, 1_201_000, 2000, 600_000, *(folder / name for name in FILES))
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = simulate(tmp_path_factory.mktemp("simulated"))
    prepare_map(
        folder / "s.mcool",
        folder / "s.fa",
        2000,
        folder / "map.cool",
        folder / "quality.tsv",
        validation=["chr2"],
        test=["chr3"],
    )
    compute_expected(*(folder / name for name in ("map.cool", "expected.npz", "law.tsv", "by_chromosome.tsv")))
    return folder


@pytest.fixture(scope="module")
def truth(simulated):
    with np.load(simulated / "s.truth.npz") as data:
        return {name: data[name] for name in data.files}


def test_same_seed_same_bytes(simulated, tmp_path):
    def digests(folder):
        return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES]

    assert digests(simulate(tmp_path)) == digests(simulated)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    other = digests(simulate(tmp_path, seed=2))
    assert not set(other) & set(digests(simulated))


def test_file_holds_three_resolutions_unbalanced(simulated):
    assert list(list_resolutions(simulated / "s.mcool")) == [2000, 4000, 8000]
    assert cooler.fileops.list_coolers(str(simulated / "s.mcool")) == [f"/resolutions/{n}" for n in (2000, 4000, 8000)]
    maps = [cooler.Cooler(f"{simulated / 's.mcool'}::/resolutions/{n}") for n in (2000, 4000, 8000)]
    totals = [clr.pixels()["count"][:].sum() for clr in maps]
    assert totals[0] == totals[1] == totals[2]
    assert abs(totals[0] - 600_000) < 5000
    assert all("weight" not in clr.bins().columns for clr in maps)
    fine, coarse = (clr.matrix(balance=False).fetch("chr2", "chr3") for clr in (maps[0], maps[2]))
    fine = np.pad(fine, (0, -len(fine) % 4))
    np.testing.assert_array_equal(fine.reshape(len(coarse), 4, len(coarse), 4).sum(axis=(1, 3)), coarse)


def test_summing_equals_cooler(simulated, tmp_path):
    cooler.coarsen_cooler(f"{simulated / 's.mcool'}::/resolutions/2000", str(tmp_path / "c.cool"), 4, 10_000_000)
    ours = cooler.Cooler(f"{simulated / 's.mcool'}::/resolutions/8000").pixels()[:]
    assert ours.equals(cooler.Cooler(str(tmp_path / "c.cool")).pixels()[:].astype(ours.dtypes))


def test_genome_is_what_the_truth_says(simulated, truth):
    genome = Genome(simulated / "s.fa")
    assert genome.lengths == dict.fromkeys(["chr1", "chr2", "chr3"], 1_201_000)
    for index, name in enumerate(truth["chromosomes"]):
        codes = genome.codes(str(name), 0, 1_201_000)
        assert codes.max() == 3
        strong = ((codes == 1) | (codes == 2)).astype(float)
        gc = np.add.reduceat(strong, np.arange(0, len(codes), 2000)) / 2000
        compartment = truth["compartment"][truth["bin_chromosome"] == index]
        assert np.corrcoef(gc[:-1], compartment[:-1])[0, 1] > 0.9
        sites = truth["site_chromosome"] == index
        scores = find_motif(codes)
        assert (scores[truth["site_start"][sites]] >= truth["site_score"][sites] - 1e-9).all()
        strong_sites = sites & (truth["site_score"] > 5)
        np.testing.assert_allclose(scores[truth["site_start"][strong_sites]], truth["site_score"][strong_sites])
        bound = np.flatnonzero(scores > 11.5)
        # No matches by chance: whatever looks bound is a site of the truth, or overlaps one.
        distance = np.abs(np.subtract.outer(bound, truth["site_start"][sites])).min(axis=1)
        assert distance.max() < 19


def test_motifs_at_the_ends_of_a_domain_point_at_each_other(truth):
    for index in range(3):
        border = truth["border_position"][truth["border_chromosome"] == index]
        sites = (truth["site_chromosome"] == index) & (truth["site_border"] >= 0)
        start, strand = truth["site_start"][sites], truth["site_strand"][sites]
        at = border[truth["site_border"][sites]]
        assert len(start) == 2 * len(border) > 6
        assert ((strand > 0) == (start >= at)).all()
        assert (np.abs(start - at) < 500).all()
    decoy = truth["site_border"] < 0
    assert decoy.sum() > 5
    assert truth["site_score"][decoy].mean() < truth["site_score"][~decoy].mean() - 5
    assert truth["site_occupancy"][decoy].max() < 0.5 < np.median(truth["site_occupancy"][~decoy])


def test_peaks_are_the_bound_sites(simulated, truth):
    lines = [line.split("\t") for line in (simulated / "s.peaks.bed").read_text().splitlines()]
    bound = truth["site_occupancy"] >= 0.5
    assert len(lines) == bound.sum()
    chromosomes = truth["chromosomes"][truth["site_chromosome"][bound]]
    assert [line[0] for line in lines] == chromosomes.tolist()
    assert [int(line[1]) for line in lines] == (truth["site_start"][bound] - 100).tolist()
    assert [line[5] for line in lines] == ["+" if s > 0 else "-" for s in truth["site_strand"][bound]]
    assert PeakTracks([simulated / "s.peaks.bed"]).labels("chr1", 0, 600, 2000).sum() > 5


def test_bins_without_coverage_are_masked(simulated, truth):
    weights = cooler.Cooler(str(simulated / "map.cool")).bins()["weight"][:].to_numpy()
    uncovered = truth["visibility"] == MapModel().uncovered_visibility
    assert 0.01 < uncovered.mean() < 0.08
    np.testing.assert_array_equal(np.isnan(weights[uncovered]), True)
    assert np.isnan(weights[~uncovered]).mean() < 0.02
    covered = np.isfinite(weights)
    assert np.corrcoef(np.log(weights[covered]), np.log(truth["visibility"][covered]))[0, 1] < -0.8


def test_distance_law_is_recovered(simulated):
    """The expected curve of the prepared map follows the mean rates that the contacts were drawn from."""
    genome = simulate_genome(1, "tiny", 3, 1_201_000)
    rng = generator(1, "simulate", "tiny", "map")
    model = MapModel()
    rates = []
    for chromosome in genome.values():
        track = make_tracks(chromosome, 2000, rng, model)
        track.visibility[:] = 1
        n_bins = len(track.compartment)
        rates.append(cis_rates(track, slice(0, n_bins), log_decay(n_bins, 2000, model), 2000, model))
    mean = np.array([np.mean([np.diagonal(rate, d).mean() for rate in rates]) for d in range(300)])
    with np.load(simulated / "expected.npz") as curves:
        difference = curves["log_expected"][:300] - np.log(mean)
    assert np.std(difference[2:150]) < 0.06
    assert abs(difference[2:20].mean() - difference[100:200].mean()) < 0.06


def test_decay_alone_is_drawn_as_set():
    model = MapModel(
        compartment=0, insulation=0, dot=1, trans_share=0, visibility=0, uncovered=0, curvature=0, decay=1.1
    )
    tracks = [
        make_tracks(
            simulate_chromosome(np.random.default_rng(3), 600_000, GenomeModel()), 2000, np.random.default_rng(4), model
        )
    ]
    total = np.zeros(300)
    for bin1, bin2, count in draw_contacts(tracks, 2000, 500_000, np.random.default_rng(5), model):
        np.add.at(total, bin2 - bin1, count)
    distance = np.arange(5, 100)
    slope = np.polyfit(np.log(2 * distance + 1), np.log(total[distance] / (300 - distance)), 1)[0]
    assert slope == pytest.approx(-1.1, abs=0.03)
    assert total.sum() == pytest.approx(500_000, rel=0.01)


def test_compartments_are_recovered(simulated, truth):
    contacts = ContactMap(simulated / "map.cool", simulated / "expected.npz")
    reach = len(contacts.log_expected) // 4 * 4
    target = contacts.window_target("chr3", 0, reach, 4)
    covered = np.isfinite(target).any(axis=0)
    kept = target[np.ix_(covered, covered)].astype(np.float64)
    vector = np.linalg.eigh(np.corrcoef(kept))[1][:, -1]
    compartment = truth["compartment"][truth["bin_chromosome"] == 2][:reach].reshape(-1, 4).mean(axis=1)
    assert abs(np.corrcoef(vector, compartment[covered])[0, 1]) > 0.8


def test_borders_insulate_and_corners_are_enriched(simulated, truth):
    contacts = ContactMap(simulated / "map.cool", simulated / "expected.npz")
    reach = len(contacts.log_expected)
    across, within, corner, beside = [], [], [], []
    for index, name in enumerate(truth["chromosomes"]):
        target = contacts.window_target(str(name), 0, reach, 1)
        border = truth["border_position"][truth["border_chromosome"] == index] // 2000
        for position in border[(border > 15) & (border < reach - 15)]:
            across.append(np.nanmean(target[position - 10 : position, position : position + 10]))
            within.append(np.nanmean(target[position : position + 10, position + 10 : position + 20]))
        for left, right in pairwise(border):
            if right < reach - 8 and right - left > 25:
                corner.append(np.nanmean(target[left : left + 2, right - 2 : right]))
                beside.append(np.nanmean(target[left + 8 : left + 10, right - 10 : right - 8]))
    assert np.nanmean(within) - np.nanmean(across) > 0.2
    assert np.nanmean(corner) - np.nanmean(beside) > 0.2


def test_sum_bins():
    pixels = np.array([0, 0, 1, 2]), np.array([1, 3, 1, 3]), np.array([5, 1, 2, 4])
    bin1, bin2, count = sum_bins(pixels, np.array([0, 0, 1, 1]), 2)
    assert (bin1.tolist(), bin2.tolist(), count.tolist()) == ([0, 0, 1], [0, 1, 1], [7, 1, 4])


@pytest.mark.parametrize("length", [100_000, 130_001])
def test_short_chromosomes(length, tmp_path):
    simulate_contacts("short", 3, 3, length, 1000, 20_000, *(tmp_path / name for name in FILES))
    assert Genome(tmp_path / "s.fa").lengths["chr3"] == length
    assert cooler.Cooler(f"{tmp_path / 's.mcool'}::/resolutions/4000").chromsizes["chr1"] == length
