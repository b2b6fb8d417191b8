"""Small contact maps and genomes in memory, with a rule that a network can learn."""

from __future__ import annotations

import numpy as np

from cisflow.contacts.reader import WindowReader
from cisflow.models.contact_settings import contact_settings

RECIPE = {
    "task": "contacts",
    "model": "network",
    "window": {"bins": 16, "bin_size": 100, "shift": 5},
    "network": {
        "name": "orca_1mb",
        "widths": [8, 8, 8],
        "pools": [1, 10, 10],
        "channels": 8,
        "middle": 8,
        "dilations": [1, 2, 4],
        "dropout": 0.0,
    },
    "training": {
        "batch_size": 4,
        "profile_weight": 0.1,
        "steps": 60,
        "steps_per_validation": 30,
        "optimiser": {"name": "adam", "learning_rate": 0.003},
        "schedule": {"name": "constant"},
    },
    "validation": {"windows": 12},
    "evaluation": {"step_bins": 8},
}
TRAIN, VALIDATION = {"chr1": 40_000, "chr2": 20_000}, {"chr3": 20_000}
BLOCK = 500


class ToyGenome:
    """Blocks of 500 bp that are rich in A and T or in C and G."""

    def __init__(self):
        self.bases, self.types = {}, {}
        for k, (name, length) in enumerate({**TRAIN, **VALIDATION}.items()):
            rng = np.random.default_rng(k)
            self.types[name] = np.repeat(rng.integers(0, 2, length // BLOCK), BLOCK)
            rich = rng.random(length) < 0.85
            strong = np.where(rng.random(length) < 0.5, 1, 2)
            weak = np.where(rng.random(length) < 0.5, 0, 3)
            self.bases[name] = np.where(rich == (self.types[name] == 1), strong, weak).astype(np.uint8)

    def codes(self, chromosome, start, end):
        bases = self.bases[chromosome]
        found = np.full(end - start, 4, dtype=np.uint8)
        inside = slice(max(start, 0), min(end, len(bases)))
        found[inside.start - start : inside.stop - start] = bases[inside]
        return found


class ToyMap:
    """Bins of like composition attract each other; every 13th bin was not measured."""

    resolution = 50

    def __init__(self, genome):
        self.chromosomes = {name: len(bases) for name, bases in genome.bases.items()}
        self.signs = {name: 2.0 * types - 1 for name, types in genome.types.items()}

    def window_target(self, chromosome, start, n_fine_bins, factor):
        size = self.resolution * factor
        n = n_fine_bins // factor
        sign = self.signs[chromosome][start : start + n * size].reshape(n, size).mean(axis=1)
        target = (0.5 * sign[:, None] * sign).astype(np.float32)
        missing = (start // size + np.arange(n)) % 13 == 0
        target[missing] = target[:, missing] = np.nan
        return target


def toy_reader(settings=None, peaks=None):
    """Reader of the toy map in windows of a recipe."""
    window = (settings or contact_settings(RECIPE)).window
    genome = ToyGenome()
    return WindowReader(ToyMap(genome), genome, window.bins, window.bin_size, peaks)
