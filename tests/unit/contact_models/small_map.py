"""A small balanced cooler with contacts within and between chromosomes, its expected contacts, and its genome."""

from __future__ import annotations

from pathlib import Path

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.expected import compute_expected
from cisflow.contacts.genome import BASES

RESOLUTION = 100
LENGTHS = {"chrA": 9_000, "chrB": 6_450, "chrC": 3_200}
#: For trainings: two chromosomes to test contacts between.
STUDY = {"chrA": 9_000, "chrB": 7_000, "chrC": 3_600, "chrD": 3_430, "chrE": 4_200}
VALIDATION, TEST = ["chrE"], ["chrC", "chrD"]


def write_small_map(folder: Path, seed: int = 0, lengths: dict[str, int] = LENGTHS, gaps: bool = False) -> None:
    """Write ``map.cool``, ``expected.npz`` and ``genome.fa``.

    Every 11th bin has no weight; with ``gaps``, four bins in a row of every 24 of a chromosome.
    """
    rng = np.random.default_rng(seed)
    names, starts, ends = [], [], []
    for name, length in lengths.items():
        for start in range(0, length, RESOLUTION):
            names.append(name)
            starts.append(start)
            ends.append(min(start + RESOLUTION, length))
    n = len(names)
    chromosome = np.array(names)
    distance = np.abs(np.array(starts)[:, None] - np.array(starts)) / RESOLUTION
    same = chromosome[:, None] == chromosome
    rate = np.where(same, 60 / (1 + distance), 0.8)
    i, j = np.triu_indices(n)
    count = rng.poisson(rate[i, j])
    weight = rng.uniform(0.05, 0.1, n)
    here = np.array(starts) // RESOLUTION
    weight[(here % 24) // 4 == 1 if gaps else np.arange(n) % 11 == 3] = np.nan
    bins = pd.DataFrame({"chrom": names, "start": starts, "end": ends, "weight": weight})
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": j, "count": count})[count > 0]
    cooler.create_cooler(str(folder / "map.cool"), bins, pixels)
    compute_expected(folder / "map.cool", folder / "expected.npz", folder / "law.tsv", folder / "by.tsv")
    fasta = [f">{name}\n{''.join(BASES[c] for c in rng.integers(0, 4, length))}\n" for name, length in lengths.items()]
    (folder / "genome.fa").write_text("".join(fasta))
