"""Simulated accessibility assay: cut sites of an enzyme with a taste for sequence, on a genome with motif-driven peaks.

Purpose: a track from whose sequence alone a model can learn both what the enzyme prefers and where chromatin is open.
Inputs: number and length of chromosomes, peaks per chromosome, seed. Outputs: FASTA, bigWig, narrowPeak, the truth.
Coordinates are 0-based; ends are exclusive. Factors and effects are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyBigWig

from cisflow.contacts.genome import BASES
from cisflow.files import atomic_path, write_arrays, write_text
from cisflow.randomness import generator
from cisflow.simulate.genome import write_fasta

#: Factor, site on its strand, and change of the log of the cuts in its region.
FACTORS = (
    ("AP1", "ATGACTCAT", 0.6),
    ("GATA", "AGATAAGG", 0.4),
    ("CTCF", "CCACCAGGGGGC", 0.8),
    ("REST", "TTCAGCACC", -0.5),
)


@dataclass(frozen=True)
class AssayModel:
    """Parameters of the simulated assay.

    Attributes
    ----------
    gc : float
        Share of G and C.
    background : float
        Expected cuts per base outside of open chromatin.
    cuts : float
        Expected cuts of a region without sites.
    spread : float
        Standard deviation of the log of a region's cuts around what its sites say.
    width : float
        Standard deviation (bp) of the bell of cuts around the middle of a region.
    reach : int
        Sites lie within so many bp of the middle.
    most_sites : int
        A region has 1 to this many sites.
    protection : float
        Share of the cuts that a bound factor prevents over its site and 2 bp on either side.
    enzyme_width, enzyme_spread : int, float
        Bases around the cut that the enzyme reads (odd), and the standard deviation of each one's effect on the log of
        the cuts.
    summit_error : int
        Called summits lie within so many bp of the middle.
    half_width : int
        Half of the width of a called peak (bp).
    """

    gc: float = 0.42
    background: float = 0.08
    cuts: float = 250.0
    spread: float = 0.2
    width: float = 45.0
    reach: int = 60
    most_sites: int = 4
    protection: float = 0.8
    enzyme_width: int = 9
    enzyme_spread: float = 0.4
    summit_error: int = 10
    half_width: int = 100


@dataclass(frozen=True)
class OpenChromosome:
    """A simulated chromosome.

    Attributes
    ----------
    codes : uint8 array, (length,)
        A, C, G, T = 0 to 3.
    middle : int64 array, (regions,)
        Middle of each open region, rising.
    log_cuts : float64 array, (regions,)
        Natural log of the expected cuts of the region, without the enzyme's taste.
    site_start, site_strand, site_factor, site_region : int array, (sites,)
        First base, 1 or -1, index in :data:`FACTORS`, index of the region.
    log_bias : float32 array, (length,)
        Natural log of the enzyme's preference, mean preference 1.
    rate : float32 array, (length,)
        Expected cuts of every base.
    """

    codes: np.ndarray
    middle: np.ndarray
    log_cuts: np.ndarray
    site_start: np.ndarray
    site_strand: np.ndarray
    site_factor: np.ndarray
    site_region: np.ndarray
    log_bias: np.ndarray
    rate: np.ndarray


def enzyme_preference(rng: np.random.Generator, model: AssayModel) -> np.ndarray:
    """Effect of every base around the cut on its log rate, the same on both strands; float64 (width, 4)."""
    drawn = rng.normal(0, model.enzyme_spread, (model.enzyme_width, 4))
    return (drawn + drawn[::-1, ::-1]) / np.sqrt(2)


def log_bias(codes: np.ndarray, preference: np.ndarray) -> np.ndarray:
    """Log of the enzyme's preference at every base, mean preference 1; bases beyond the ends count nothing; float64."""
    width = len(preference)
    padded = np.concatenate([preference, np.zeros((width, 1))], axis=1)
    around = np.pad(codes, width // 2, constant_values=4)
    total = sum(padded[k, around[k : k + len(codes)]] for k in range(width))
    return total - np.log(np.exp(total).mean())


def simulate_chromosome(
    rng: np.random.Generator, length: int, n_regions: int, preference: np.ndarray, model: AssayModel
) -> OpenChromosome:
    """Simulate one chromosome with ``n_regions`` open regions.

    Raises
    ------
    ValueError
        When so many regions do not fit.
    """
    room = 4 * (model.reach + model.half_width)
    if length < (n_regions + 1) * room:
        raise ValueError(f"{n_regions} open regions do not fit on {length:,} bp")
    codes = rng.choice(4, size=length, p=[(1 - model.gc) / 2, model.gc / 2, model.gc / 2, (1 - model.gc) / 2])
    codes = codes.astype(np.uint8)
    # Gaps of at least `room` with the rest shared out at random.
    cuts = np.sort(rng.integers(0, length - (n_regions + 1) * room + 1, n_regions))
    middle = cuts + room * np.arange(1, n_regions + 1)
    n_sites = rng.integers(1, model.most_sites + 1, n_regions)
    region = np.repeat(np.arange(n_regions), n_sites)
    # Slots along the region keep sites apart.
    slots = np.argsort(rng.random((n_regions, model.most_sites)), axis=1)
    slot = np.concatenate([slots[i, :n] for i, n in enumerate(n_sites)])
    pitch = 2 * model.reach // model.most_sites
    longest = max(len(site) for _, site, _ in FACTORS)
    start = middle[region] - model.reach + slot * pitch + rng.integers(0, max(1, pitch - longest), len(region))
    factor, strand = rng.integers(0, len(FACTORS), len(region)), rng.choice([1, -1], len(region))
    covered = np.ones(length)
    for index, (_, site, _) in enumerate(FACTORS):
        bases = np.array([BASES.index(base) for base in site], dtype=np.uint8)
        for sign, written in ((1, bases), (-1, 3 - bases[::-1])):
            own = start[(factor == index) & (strand == sign)]
            codes[own[:, None] + np.arange(len(site))] = written
            covered[own[:, None] + np.arange(-2, len(site) + 2)] = 1 - model.protection
    effects = np.array([effect for _, _, effect in FACTORS])[factor]
    log_cuts = np.log(model.cuts) + np.bincount(region, effects, n_regions) + rng.normal(0, model.spread, n_regions)
    offset = np.arange(-4 * round(model.width), 4 * round(model.width) + 1)
    bell = np.exp(-0.5 * (offset / model.width) ** 2)
    openness = np.zeros(length)
    np.add.at(openness, middle[:, None] + offset, np.exp(log_cuts)[:, None] * bell / bell.sum())
    bias = log_bias(codes, preference)
    rate = np.exp(bias) * (model.background + openness * covered)
    return OpenChromosome(
        codes, middle, log_cuts, start, strand, factor, region, bias.astype(np.float32), rate.astype(np.float32)
    )


def simulate_accessibility(
    assay: str,
    seed: int,
    n_chromosomes: int,
    length: int,
    regions: int,
    output: Mapping[str, str | Path],
    model: AssayModel | None = None,
) -> None:
    """Write a simulated assay.

    Parameters
    ----------
    assay : str
        Name of the assay; part of the seed.
    seed : int
        Seed of the run.
    n_chromosomes, length : int
        Chromosomes ``chr1``, ``chr2``, ... of ``length`` bp each.
    regions : int
        Open regions of each chromosome.
    output : mapping of str to path
        ``fasta``; ``bigwig`` (cuts per base, both strands together); ``peaks`` (narrowPeak); ``truth`` (per chromosome
        ``{name}.log_bias`` and ``{name}.rate``; ``sites``: chromosome, start, strand, factor, region; ``regions``:
        chromosome, middle, log of the expected cuts).
    model : AssayModel, optional
    """
    model = model or AssayModel()
    preference = enzyme_preference(generator(seed, "simulate", assay, "enzyme"), model)
    chromosomes, cuts, lines = {}, {}, []
    for number in range(1, n_chromosomes + 1):
        name = f"chr{number}"
        rng = generator(seed, "simulate", assay, name)
        found = chromosomes[name] = simulate_chromosome(rng, length, regions, preference, model)
        cuts[name] = rng.poisson(found.rate)
        lines += _peak_lines(name, found, cuts[name], rng, model)
    write_fasta(chromosomes, output["fasta"])
    write_bigwig(cuts, output["bigwig"])
    write_text("".join(lines), output["peaks"])
    write_arrays(_truth(chromosomes, preference), output["truth"])


def _peak_lines(
    name: str, found: OpenChromosome, cuts: np.ndarray, rng: np.random.Generator, model: AssayModel
) -> list[str]:
    summit = found.middle + rng.integers(-model.summit_error, model.summit_error + 1, len(found.middle))
    start, end = found.middle - model.half_width, found.middle + model.half_width
    total = np.concatenate([[0], np.cumsum(cuts)])
    signal = total[end] - total[start]
    return [
        f"{name}\t{s}\t{e}\t{name}_{i}\t0\t.\t{n}\t-1\t-1\t{p - s}\n"
        for i, (s, e, n, p) in enumerate(zip(start, end, signal, summit, strict=True), 1)
    ]


def write_bigwig(counts: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write counts per base, int (length,) by chromosome, as a bigWig of the bases that have any."""
    with atomic_path(path) as temporary:
        file = pyBigWig.open(str(temporary), "w")
        file.addHeader([(name, len(values)) for name, values in counts.items()])
        for name, values in counts.items():
            some = np.flatnonzero(values)
            if len(some):
                file.addEntries(name, some, values=values[some].astype(np.float64), span=1)
        file.close()


def _truth(chromosomes: Mapping[str, OpenChromosome], preference: np.ndarray) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {"enzyme_preference": preference, "factors": np.array([f[0] for f in FACTORS])}
    for name, found in chromosomes.items():
        arrays[f"{name}.log_bias"], arrays[f"{name}.rate"] = found.log_bias, found.rate
        arrays[f"{name}.sites"] = np.stack(
            [found.site_start, found.site_strand, found.site_factor, found.site_region], axis=1
        )
        arrays[f"{name}.middle"], arrays[f"{name}.log_cuts"] = found.middle, found.log_cuts
    return arrays
