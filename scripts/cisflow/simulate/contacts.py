"""Simulated contact map of a simulated genome.

Purpose: a map with the features that contact models learn (distance decay, compartments, insulated domains with corner
dots) and the flaws that data processing must handle (visibility of bins, bins without coverage), with known truth.
Inputs: settings ``simulation`` of the config. Outputs: FASTA, multi-resolution cooler, truth, motif sites as peaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
from scipy.linalg import toeplitz
from scipy.ndimage import gaussian_filter1d

from cisflow.contacts.coolers import Pixels, write_cooler
from cisflow.files import atomic_path, write_text
from cisflow.progress import Progress
from cisflow.randomness import generator
from cisflow.simulate.genome import MOTIF_LENGTH, Chromosome, simulate_genome, write_fasta

ZOOMS = (1, 2, 4)  # resolutions written, in multiples of the map's
STRIP = 256  # rows of the map that are drawn at a time
PEAK_FLANK = 100  # bp on each side of a motif


@dataclass(frozen=True)
class MapModel:
    """Parameters of the simulated map.

    Attributes
    ----------
    decay, curvature : float
        Log contacts fall by ``decay * x + curvature * x ** 2`` with x = ln(distance in kb + 1).
    compartment : float
        Log fold change between bins of equal (+) and of opposite (-) compartments, within chromosomes.
    compartment_from : float
        Distance (kb) over which compartments take hold.
    compartment_blur : float
        Width of the transition between compartments (kb, standard deviation).
    insulation : float
        Log fold change across a border that is always bound.
    most_insulation : float
        Largest log fold change, however many borders lie between two bins.
    dot : float
        Fold change at the corner of a domain whose two anchors are always bound.
    dot_width : float
        Its standard deviation (kb).
    trans_share : float
        Share of contacts between chromosomes.
    trans_compartment : float
        Log fold change by compartments, between chromosomes.
    visibility : float
        Standard deviation of the log visibility of bins.
    uncovered : float
        Share of bins with hardly any coverage.
    uncovered_run : float
        Longest stretch of them (kb).
    uncovered_visibility : float
        Their visibility.
    """

    decay: float = 0.72
    curvature: float = 0.02
    compartment: float = 0.4
    compartment_from: float = 25.0
    compartment_blur: float = 3.0
    insulation: float = 0.7
    most_insulation: float = 0.9
    dot: float = 4.0
    dot_width: float = 4.0
    trans_share: float = 0.1
    trans_compartment: float = 0.15
    visibility: float = 0.2
    uncovered: float = 0.03
    uncovered_run: float = 9.0
    uncovered_visibility: float = 0.02


@dataclass(frozen=True)
class Tracks:
    """Properties of the bins of one chromosome, float64 (bins,) each, from which the map follows.

    Attributes
    ----------
    compartment : array
        1 in A, -1 in B, smooth between.
    visibility : array
    insulation : array
        Cumulative log insulation; the map between two bins falls by their difference.
    dots_start, dots_end : (domains, bins) arrays
        Nearness of a bin to the start and to the end of each domain with two anchors, weighted by occupancy.
    """

    compartment: np.ndarray
    visibility: np.ndarray
    insulation: np.ndarray
    dots_start: np.ndarray
    dots_end: np.ndarray


def make_tracks(chromosome: Chromosome, resolution: int, rng: np.random.Generator, model: MapModel) -> Tracks:
    """Turn a simulated chromosome into properties of its bins."""
    length = len(chromosome.codes)
    n_bins = -(-length // resolution)
    kb = resolution / 1000
    segment = np.searchsorted(chromosome.segment_start, np.arange(n_bins) * resolution, side="right") - 1
    compartment = np.where(chromosome.segment_is_a, 1.0, -1.0)[segment]
    compartment = gaussian_filter1d(compartment, model.compartment_blur / kb, mode="nearest")

    visibility = np.exp(rng.normal(0, model.visibility, n_bins))
    longest = max(1, round(model.uncovered_run / kb))
    run = np.where(rng.random(n_bins) < 2 * model.uncovered / (longest + 1), rng.integers(1, longest + 1, n_bins), 0)
    bins = np.arange(n_bins)
    uncovered = np.maximum.accumulate(bins + run) > bins
    visibility[uncovered] = model.uncovered_visibility

    n_borders = len(chromosome.border)
    forward, reverse = np.zeros(n_borders), np.zeros(n_borders)
    for occupancy, sign in ((forward, 1), (reverse, -1)):
        sites = (chromosome.site_border >= 0) & (chromosome.site_strand == sign)
        occupancy[chromosome.site_border[sites]] = chromosome.site_occupancy[sites]
    steps = np.zeros(n_bins)
    np.add.at(steps, chromosome.border // resolution, model.insulation * (forward + reverse) / 2)

    starts = (chromosome.border[:-1] / resolution)[:, None]
    ends = (chromosome.border[1:] / resolution)[:, None]
    width = model.dot_width / kb
    near_start = forward[:-1, None] * np.exp(-0.5 * ((bins + 0.5 - starts) / width) ** 2)
    near_end = reverse[1:, None] * np.exp(-0.5 * ((bins + 0.5 - ends) / width) ** 2)
    return Tracks(compartment, visibility, np.cumsum(steps), near_start, near_end)


def log_decay(n_bins: int, resolution: int, model: MapModel) -> np.ndarray:
    """Natural log of contacts by distance in bins, up to a constant; float64 (bins,)."""
    x = np.log(np.arange(n_bins) * resolution / 1000 + 1)
    return -(model.decay * x + model.curvature * x**2)


def cis_rates(tracks: Tracks, rows: slice, decay: np.ndarray, resolution: int, model: MapModel) -> np.ndarray:
    """Relative contact rates of some rows of a chromosome with the bins from the first of them on.

    Returns
    -------
    float64 array, (rows, bins - rows.start)
        Zero below the diagonal.
    """
    first, n_bins = rows.start, len(tracks.compartment)
    n_rows = min(rows.stop, n_bins) - first
    columns = slice(first, n_bins)
    rate = toeplitz(np.full(n_rows, -np.inf), decay[: n_bins - first])
    rate[np.arange(n_rows), np.arange(n_rows)] = decay[0]
    hold = 1 - np.exp(-np.arange(n_bins - first) * resolution / 1000 / model.compartment_from)
    contrast = np.multiply.outer(tracks.compartment[rows], tracks.compartment[columns])
    rate += model.compartment * toeplitz(np.zeros(n_rows), hold) * contrast
    between = tracks.insulation[columns] - tracks.insulation[rows, None]
    rate -= np.minimum(between, model.most_insulation)
    # Not a matrix product: BLAS may add in another order on another number of cores.
    rate += np.log(model.dot) * np.einsum("ki,kj->ij", tracks.dots_start[:, rows], tracks.dots_end[:, columns])
    return np.exp(rate) * np.multiply.outer(tracks.visibility[rows], tracks.visibility[columns])


def trans_rates(one: Tracks, rows: slice, other: Tracks, model: MapModel) -> np.ndarray:
    """Relative contact rates of some rows of a chromosome with all bins of another; float64 (rows, bins)."""
    preference = np.exp(model.trans_compartment * np.multiply.outer(one.compartment[rows], other.compartment))
    return preference * np.multiply.outer(one.visibility[rows], other.visibility)


def draw_contacts(
    tracks: list[Tracks], resolution: int, contacts: float, rng: np.random.Generator, model: MapModel
) -> Iterator[Pixels]:
    """Draw the map in strips of rows.

    Parameters
    ----------
    tracks : list of Tracks
        One per chromosome.
    resolution : int
        Bin size (bp).
    contacts : float
        Expected number of contacts in the whole map.

    Yields
    ------
    bin1, bin2, count : int64, int64, int32 arrays
        Upper triangle, sorted.

    Notes
    -----
    Rates are made anew for the draw rather than kept, so memory grows with bins, not with their square.
    """
    sizes = [len(track.compartment) for track in tracks]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    decay = log_decay(max(sizes), resolution, model)
    strips = [
        (index, slice(start, min(start + STRIP, size)))
        for index, size in enumerate(sizes)
        for start in range(0, size, STRIP)
    ]
    cis_total = sum(cis_rates(tracks[i], rows, decay, resolution, model).sum() for i, rows in strips)
    trans_total = sum(
        trans_rates(tracks[i], slice(None), other, model).sum() for i in range(len(tracks)) for other in tracks[i + 1 :]
    )
    trans_share = model.trans_share if trans_total else 0.0
    cis_scale = contacts * (1 - trans_share) / cis_total
    trans_scale = contacts * trans_share / trans_total if trans_total else 0.0
    progress = Progress("draw contacts", int(offsets[-1]), "rows")
    for index, rows in strips:
        rates = [cis_scale * cis_rates(tracks[index], rows, decay, resolution, model)]
        rates += [trans_scale * trans_rates(tracks[index], rows, other, model) for other in tracks[index + 1 :]]
        count = rng.poisson(np.concatenate(rates, axis=1))
        row, column = np.nonzero(count)
        first = offsets[index] + rows.start
        progress.advance(rows.stop - rows.start)
        yield row + first, column + first, count[row, column].astype(np.int32)


def sum_bins(pixels: Pixels, new_bin: np.ndarray, n_bins: int) -> Pixels:
    """Sum pixels into larger bins.

    Parameters
    ----------
    pixels : (bin1, bin2, count)
    new_bin : int array, (old bins,)
        Rising.
    n_bins : int
        Number of new bins.

    Returns
    -------
    bin1, bin2, count
        Sorted upper triangle.
    """
    bin1, bin2, count = pixels
    position, where = np.unique(new_bin[bin1] * n_bins + new_bin[bin2], return_inverse=True)
    total = np.bincount(where, weights=count).astype(np.int32)
    return position // n_bins, position % n_bins, total


def write_mcool(path: str | Path, lengths: dict[str, int], resolution: int, blocks: Iterator[Pixels]) -> None:
    """Write a map at its resolution and at multiples of it (``/resolutions/<bp>``), not balanced."""
    bin1, bin2, count = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    pixels = bin1, bin2, count
    sizes = {name: -(-length // resolution) for name, length in lengths.items()}
    with atomic_path(path) as temporary:
        for zoom in ZOOMS:
            bins = cooler.binnify(pd.Series(lengths), zoom * resolution)
            counts = bins["chrom"].value_counts(sort=False)
            first = np.concatenate([[0], np.cumsum([counts[name] for name in lengths])])
            new_bin = np.concatenate([first[i] + np.arange(n) // zoom for i, n in enumerate(sizes.values())])
            summed = pixels if zoom == 1 else sum_bins(pixels, new_bin, len(bins))
            group = f"/resolutions/{zoom * resolution}"
            write_cooler(temporary, bins, [summed], group, mode="w" if zoom == 1 else "a")
        with h5py.File(temporary, "r+") as handle:
            handle.attrs.update({"format": "HDF5::MCOOL", "format-version": 2, "bin-type": "fixed"})


def write_truth(
    path: str | Path, genome: dict[str, Chromosome], tracks: list[Tracks], resolution: int, model: MapModel
) -> None:
    """Write what the simulation put in, as arrays (NPZ).

    By bin: ``bin_chromosome`` (index into ``chromosomes``), ``bin_start`` (bp), ``compartment`` (1 = A, -1 = B),
    ``visibility``. By domain border: ``border_chromosome``, ``border_position`` (bp). By motif site:
    ``site_chromosome``, ``site_start``, ``site_end``, ``site_strand``, ``site_score`` (bits), ``site_occupancy``,
    ``site_border`` (index among the chromosome's borders, -1 for decoys). Besides: ``log_decay`` by distance in bins,
    ``chromosomes``, ``resolution``.
    """
    chromosomes = list(genome.values())

    def indices(arrays: list[np.ndarray]) -> np.ndarray:
        return np.repeat(np.arange(len(arrays)), [len(a) for a in arrays])

    def joined(attribute: str) -> np.ndarray:
        return np.concatenate([getattr(chromosome, attribute) for chromosome in chromosomes])

    compartments = [track.compartment for track in tracks]
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            chromosomes=np.array(list(genome)),
            resolution=resolution,
            bin_chromosome=indices(compartments),
            bin_start=np.concatenate([np.arange(len(values)) * resolution for values in compartments]),
            compartment=np.concatenate(compartments),
            visibility=np.concatenate([track.visibility for track in tracks]),
            border_chromosome=indices([c.border for c in chromosomes]),
            border_position=joined("border"),
            site_chromosome=indices([c.site_start for c in chromosomes]),
            site_start=joined("site_start"),
            site_end=joined("site_start") + MOTIF_LENGTH,
            site_strand=joined("site_strand"),
            site_score=joined("site_score"),
            site_occupancy=joined("site_occupancy"),
            site_border=joined("site_border"),
            log_decay=log_decay(max(map(len, compartments)), resolution, model),
        )


def write_peaks(path: str | Path, genome: dict[str, Chromosome]) -> None:
    """Write the motif sites that are bound in half of the cells or more as BED6, 100 bp wider on each side."""
    lines = []
    for name, chromosome in genome.items():
        bound = np.flatnonzero(chromosome.site_occupancy >= 0.5)
        start = np.maximum(chromosome.site_start[bound] - PEAK_FLANK, 0)
        end = np.minimum(chromosome.site_start[bound] + MOTIF_LENGTH + PEAK_FLANK, len(chromosome.codes))
        score = np.rint(1000 * chromosome.site_occupancy[bound]).astype(int)
        strand = np.where(chromosome.site_strand[bound] > 0, "+", "-")
        columns = zip(start, end, bound, score, strand, strict=True)
        lines += [f"{name}\t{s}\t{e}\t{name}_site{k}\t{v}\t{x}\n" for s, e, k, v, x in columns]
    write_text("".join(lines), path)


def simulate_contacts(
    name: str,
    seed: int,
    n_chromosomes: int,
    chromosome_length: int,
    resolution: int,
    contacts: int,
    fasta: str | Path,
    mcool: str | Path,
    truth: str | Path,
    peaks: str | Path,
) -> None:
    """Simulate a genome and its contact map and write both.

    Parameters
    ----------
    name : str
        Name of the map; part of the seed.
    seed : int
        Seed of the run.
    n_chromosomes, chromosome_length : int
        Chromosomes ``chr1``, ... and their length (bp).
    resolution : int
        Finest bin size (bp).
    contacts : int
        Contacts drawn over the whole map, on average.
    fasta, mcool, truth, peaks : path
        Written, see :func:`~cisflow.simulate.genome.write_fasta`, :func:`write_mcool`, :func:`write_truth`,
        :func:`write_peaks`.
    """
    model = MapModel()
    genome = simulate_genome(seed, name, n_chromosomes, chromosome_length)
    rng = generator(seed, "simulate", name, "map")
    tracks = [make_tracks(chromosome, resolution, rng, model) for chromosome in genome.values()]
    write_fasta(genome, fasta)
    write_truth(truth, genome, tracks, resolution, model)
    write_peaks(peaks, genome)
    lengths = {chromosome_name: len(chromosome.codes) for chromosome_name, chromosome in genome.items()}
    write_mcool(mcool, lengths, resolution, draw_contacts(tracks, resolution, contacts, rng, model))
