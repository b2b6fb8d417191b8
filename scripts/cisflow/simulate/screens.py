"""What virtual screens of a simulated contact map are asked, for the demo: a few regions, places and sequences.

Inputs: a simulated genome and its motif sites; a seed. Outputs: BED and FASTA files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cisflow.contacts.genome import BASES, Genome
from cisflow.files import write_text
from cisflow.randomness import generator
from cisflow.simulate.variants import some_sites

REGIONS = 3
FLANK = 400  # bp on each side of a motif site whose sites are disrupted
INSERTED = 12_800  # bp of an inserted sequence (published)
EACH = 2  # inserted sequences of a kind


def simulate_regions(genome: str | Path, peaks: str | Path, chromosome: str, kind: str, seed: int, path: Path) -> None:
    """Write regions around motif sites (disruption), or places anywhere in the middle of a chromosome (insertion).

    Parameters
    ----------
    genome : path
        FASTA.
    peaks : path
        BED file of the motif sites.
    chromosome : str
    kind : {"disruption", "insertion"}
    seed : int
    path : path
        BED file.
    """
    length, rng = Genome(genome, [chromosome]).lengths[chromosome], generator(seed, "screen", kind)
    if kind == "disruption":
        middles = [(start + end) // 2 for start, end in some_sites(peaks, chromosome, length, REGIONS, rng)]
        edges = [(max(middle - FLANK, 0), min(middle + FLANK, length)) for middle in middles]
    else:
        starts = np.sort(rng.integers(length // 5, 4 * length // 5, REGIONS))
        edges = [(int(start), int(start) + 1) for start in starts]
    write_text("".join(f"{chromosome}\t{start}\t{end}\n" for start, end in edges), path)


def simulate_inserted(genome: str | Path, peaks: str | Path, chromosome: str, seed: int, path: Path) -> None:
    """Write sequences to insert: pieces of a chromosome with a motif site in their middle, pieces rich and poor in G
    and C (as the compartments A and B of a simulated genome are), and random bases.

    Parameters
    ----------
    genome, peaks
        See :func:`simulate_regions`.
    chromosome : str
        Where the pieces are from; not where they are inserted.
    seed : int
    path : path
        FASTA file.
    """
    reference, rng = Genome(genome, [chromosome]), generator(seed, "screen", "inserted")
    length = reference.lengths[chromosome]
    sites = some_sites(peaks, chromosome, length, EACH, rng)
    starts = {f"site{k}": (start + end - INSERTED) // 2 for k, (start, end) in enumerate(sites, 1)}
    tiles = np.arange(0, length - INSERTED + 1, INSERTED)
    codes = [reference.codes(chromosome, int(start), int(start) + INSERTED) for start in tiles]
    order = np.argsort([float(((one == 1) | (one == 2)).mean()) for one in codes], kind="stable")
    starts |= {f"gc_poor{k}": int(tiles[i]) for k, i in enumerate(order[:EACH], 1)}
    starts |= {f"gc_rich{k}": int(tiles[i]) for k, i in enumerate(order[::-1][:EACH], 1)}
    pieces = {name: reference.codes(chromosome, start, start + INSERTED) for name, start in starts.items()}
    pieces |= {f"random{k}": rng.integers(0, 4, INSERTED).astype(np.uint8) for k in range(1, EACH + 1)}
    letters = np.frombuffer(BASES.encode(), dtype=np.uint8)
    records = [f">{name}\n{letters[one].tobytes().decode()}\n" for name, one in pieces.items()]
    write_text("".join(records), path)
