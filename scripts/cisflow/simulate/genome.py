"""Simulated genome: compartments written into base composition, domain borders into oriented motifs.

Purpose: a genome from whose sequence alone a model can learn its contact map (:mod:`cisflow.simulate.contacts`).
Inputs: number and length of chromosomes, seed. Outputs: sequences, compartment segments, domain borders, motif sites.
Coordinates are 0-based; ends are exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cisflow.contacts.genome import BASES, reverse_complement
from cisflow.files import write_text
from cisflow.randomness import generator

#: A CTCF-like motif: its consensus, and how often each position shows it (the other bases share the rest).
CONSENSUS = "TGGCCACCAGGGGGCGCTA"
CONSERVATION = (0.4, 0.5, 0.6, 0.8, 0.95, 0.8, 0.9, 0.95, 0.85, 0.95, 0.9, 0.7, 0.95, 0.95, 0.85, 0.95, 0.6, 0.7, 0.5)
MOTIF_LENGTH = len(CONSENSUS)

LINE = 60  # bases per line of the FASTA file


@dataclass(frozen=True)
class GenomeModel:
    """Parameters of the simulated genome.

    Attributes
    ----------
    segment : (int, int)
        Shortest and longest compartment segment (bp).
    gc : (float, float)
        Mean share of G and C in B and in A segments.
    gc_spread : float
        Standard deviation of that share between segments.
    domain : (int, int)
        Shortest and longest domain (bp).
    anchor_offset : (int, int)
        Distance of a motif from its domain border (bp).
    decoys : float
        Weak motifs without effect per domain border.
    decoy_strength : float
        Share of the motif in the base frequencies that decoys are drawn from; the rest is even.
    bound_above : float
        Motif score (bits) at which half of the cells have the site bound.
    binding_slope : float
        Change of the score (bits) that multiplies the odds of being bound by e.
    """

    segment: tuple[int, int] = (80_000, 360_000)
    gc: tuple[float, float] = (0.37, 0.49)
    gc_spread: float = 0.01
    domain: tuple[int, int] = (50_000, 180_000)
    anchor_offset: tuple[int, int] = (40, 400)
    decoys: float = 1.5
    decoy_strength: float = 0.7
    bound_above: float = 11.5
    binding_slope: float = 1.5


@dataclass(frozen=True)
class Chromosome:
    """A simulated chromosome.

    Attributes
    ----------
    codes : uint8 array, (length,)
        A, C, G, T = 0 to 3.
    segment_start : int64 array, (segments,)
        First base of each compartment segment.
    segment_is_a : bool array, (segments,)
    border : int64 array, (borders,)
        First base of each domain but the first.
    site_start : int64 array, (sites,)
        First base of each motif, rising.
    site_strand : int8 array, (sites,)
        1 or -1.
    site_score : float64 array, (sites,)
        Log2 odds of the motif against equal base frequencies.
    site_occupancy : float64 array, (sites,)
        Share of cells with the site bound.
    site_border : int64 array, (sites,)
        Index of the border at which the site stands; -1 for decoys.
    """

    codes: np.ndarray
    segment_start: np.ndarray
    segment_is_a: np.ndarray
    border: np.ndarray
    site_start: np.ndarray
    site_strand: np.ndarray
    site_score: np.ndarray
    site_occupancy: np.ndarray
    site_border: np.ndarray


def motif_matrix() -> np.ndarray:
    """Base frequencies of the motif; float64 (positions, 4), rows sum to 1."""
    consensus = np.array([BASES.index(base) for base in CONSENSUS])
    conserved = np.array(CONSERVATION)
    matrix = np.repeat((1 - conserved)[:, None] / 3, 4, axis=1)
    matrix[np.arange(MOTIF_LENGTH), consensus] = conserved
    return matrix


def _draw_bases(rng: np.random.Generator, strong: np.ndarray) -> np.ndarray:
    """Draw C or G where ``strong``, else A or T; uint8 codes."""
    second = rng.random(len(strong)) < 0.5
    return np.where(strong, np.where(second, 1, 2), np.where(second, 0, 3)).astype(np.uint8)


def _draw_motifs(rng: np.random.Generator, n: int, matrix: np.ndarray) -> np.ndarray:
    """Draw motifs position by position; uint8 (n, positions)."""
    return (rng.random((n, len(matrix), 1)) > np.cumsum(matrix, axis=1)[:, :3]).sum(axis=2).astype(np.uint8)


def _scores(motifs: np.ndarray) -> np.ndarray:
    """Log2 odds of motifs (n, positions) against equal base frequencies."""
    return np.log2(4 * motif_matrix())[np.arange(MOTIF_LENGTH), motifs].sum(axis=1)


def _cuts(rng: np.random.Generator, length: int, shortest: int, longest: int) -> np.ndarray:
    """Inner borders of stretches of random length that fill a chromosome; none is too short; int64."""
    stretches = rng.integers(shortest, longest + 1, size=length // shortest + 1)
    ends = np.cumsum(stretches)
    return ends[ends <= length - shortest]


def simulate_chromosome(rng: np.random.Generator, length: int, model: GenomeModel) -> Chromosome:
    """Simulate one chromosome.

    Every domain border has two motifs that point away from it, so that the two motifs at the ends of a domain point
    towards each other: forward at its start, reverse at its end.
    """
    inner = _cuts(rng, length, *model.segment)
    segment_start = np.concatenate([[0], inner])
    is_a = (np.arange(len(segment_start)) + rng.integers(2)) % 2 == 0
    gc = np.where(is_a, model.gc[1], model.gc[0]) + rng.normal(0, model.gc_spread, len(segment_start))
    gc_by_base = np.repeat(gc, np.diff(np.append(segment_start, length)))
    strong = rng.random(length) < gc_by_base
    codes = _draw_bases(rng, strong)
    # Matches by chance would look like bound sites without effect: they are drawn anew until none is left.
    highest = model.bound_above - 2 * model.binding_slope
    while len(unwanted := np.flatnonzero(find_motif(codes) > highest)):
        positions = np.unique(unwanted[:, None] + np.arange(MOTIF_LENGTH))
        codes[positions] = _draw_bases(rng, strong[positions])

    border = _cuts(rng, length, *model.domain)
    n_decoys = round(model.decoys * len(border))
    reach_low, reach_high = model.anchor_offset
    ahead = border + rng.integers(reach_low, reach_high, len(border))
    behind = border - rng.integers(reach_low, reach_high, len(border)) - MOTIF_LENGTH
    decoy = rng.integers(0, max(1, length - MOTIF_LENGTH), n_decoys)
    matrix = motif_matrix()
    anchors = _draw_motifs(rng, 2 * len(border), matrix)
    weak = _draw_motifs(rng, n_decoys, model.decoy_strength * matrix + (1 - model.decoy_strength) / 4)
    start = np.concatenate([ahead, behind, decoy])
    strand = np.concatenate([np.ones(len(border)), -np.ones(len(border)), rng.choice([1, -1], n_decoys)])
    at_border = np.concatenate([np.arange(len(border)), np.arange(len(border)), np.full(n_decoys, -1)])
    motifs = np.concatenate([anchors, weak])
    order = np.argsort(start, kind="stable")
    # Decoys that would overwrite part of another motif, or be bound by chance, are left out.
    free = np.diff(start[order], append=length + MOTIF_LENGTH) >= MOTIF_LENGTH
    free &= np.diff(start[order], prepend=-MOTIF_LENGTH) >= MOTIF_LENGTH
    unbound = _scores(motifs)[order] < model.bound_above - model.binding_slope
    order = order[(free & unbound) | (at_border[order] >= 0)]
    start, strand, at_border, motifs = start[order], strand[order].astype(np.int8), at_border[order], motifs[order]
    written = np.where(strand[:, None] > 0, motifs, 3 - motifs[:, ::-1])
    codes[start[:, None] + np.arange(MOTIF_LENGTH)] = written
    score = _scores(motifs)
    occupancy = 1 / (1 + np.exp(-(score - model.bound_above) / model.binding_slope))
    return Chromosome(codes, segment_start, is_a, border, start, strand, score, occupancy, at_border)


def simulate_genome(seed: int, name: str, n_chromosomes: int, length: int) -> dict[str, Chromosome]:
    """Simulate a genome.

    Parameters
    ----------
    seed : int
        Seed of the run.
    name : str
        Name of the map; part of the seed.
    n_chromosomes, length : int
        Chromosomes ``chr1``, ``chr2``, ... of ``length`` bp each.

    Returns
    -------
    dict of str to Chromosome
    """
    return {
        f"chr{number}": simulate_chromosome(
            generator(seed, "simulate", name, "genome", f"chr{number}"), length, GenomeModel()
        )
        for number in range(1, n_chromosomes + 1)
    }


def find_motif(codes: np.ndarray) -> np.ndarray:
    """Score (bits) of the motif at every position of a sequence, better of the two strands; float64 (positions,)."""
    log_odds = np.log2(4 * motif_matrix())

    def scan(sequence: np.ndarray) -> np.ndarray:
        n = len(sequence) - MOTIF_LENGTH + 1
        return sum(log_odds[k, sequence[k : k + n]] for k in range(MOTIF_LENGTH))

    return np.maximum(scan(codes), scan(reverse_complement(codes))[::-1])


def write_fasta(chromosomes: dict[str, Chromosome], path: str | Path) -> None:
    """Write the sequences as FASTA, 60 bases per line."""
    letters = np.frombuffer(BASES.encode(), dtype=np.uint8)
    parts = []
    for name, chromosome in chromosomes.items():
        n_lines = len(chromosome.codes) // LINE
        whole = np.full((n_lines, LINE + 1), ord("\n"), dtype=np.uint8)
        whole[:, :LINE] = letters[chromosome.codes[: n_lines * LINE]].reshape(n_lines, LINE)
        rest = letters[chromosome.codes[n_lines * LINE :]].tobytes().decode()
        parts.append(f">{name}\n{whole.tobytes().decode()}{rest}" + ("\n" if rest else ""))
    write_text("".join(parts), path)
