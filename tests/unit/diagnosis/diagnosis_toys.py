"""A simulated map whose contact rates are known; tables of a training and of scores."""

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.coolers import write_cooler, write_weights
from cisflow.contacts.expected import compute_expected
from cisflow.contacts.targets import ContactMap, log_target
from cisflow.simulate.contacts import MapModel, cis_rates, draw_contacts, log_decay, make_tracks
from cisflow.simulate.genome import simulate_genome

RESOLUTION = 1000


class SimulatedMap:
    """Two chromosomes of 1 Mb at 1 kb.

    Attributes
    ----------
    contact_map : ContactMap
    """

    def __init__(self, folder, contacts, seed=1, length=1_000_000, again=0):
        rng, model = np.random.default_rng(seed), MapModel(trans_share=0.0)
        genome = simulate_genome(seed, "toy", 2, length)
        tracks = [make_tracks(chromosome, RESOLUTION, rng, model) for chromosome in genome.values()]
        drawn = np.random.default_rng([seed, again])  # another number: a replicate
        blocks = list(draw_contacts(tracks, RESOLUTION, contacts, drawn, model))
        bins = cooler.binnify(pd.Series(dict.fromkeys(genome, length)), RESOLUTION)
        self.cool, self.expected = folder / "map.cool", folder / "expected.npz"
        write_cooler(self.cool, bins, blocks)
        visibility = np.concatenate([track.visibility for track in tracks])
        covered = visibility > model.uncovered_visibility
        write_weights(self.cool, np.where(covered, 1 / visibility, np.nan), {})
        compute_expected(self.cool, self.expected, folder / "law.tsv", folder / "by.tsv")
        self.contact_map = ContactMap(self.cool, self.expected)
        n_bins = length // RESOLUTION
        decay = log_decay(n_bins, RESOLUTION, model)
        rates = [cis_rates(track, slice(0, n_bins), decay, RESOLUTION, model) for track in tracks]
        scale = contacts / sum(rate.sum() for rate in rates)
        self.rates = {name: np.triu(rate) * scale for name, rate in zip(genome, rates, strict=True)}

    def draw_target(self, chromosome, start, n, factor, rng):
        """Target of a window of another map of the same cells and depth."""
        first = start // RESOLUTION
        upper = rng.poisson(self.rates[chromosome][first : first + n, first : first + n]).astype(float)
        counts = upper + np.triu(upper, 1).T
        weights = self.contact_map.weights[chromosome][first : first + n]
        smooth = adaptive_coarsegrain(counts * np.outer(weights, weights), counts, 5)
        return log_target(smooth, self.contact_map.background(n, factor), factor)


def history(values, losses=None):
    """History of a training with these validation correlations."""
    losses = np.linspace(1, 0.9, len(values)) if losses is None else losses
    return pd.DataFrame({"step": np.arange(1, len(values) + 1), "selection": values, "training_loss": losses})


def scores_of(level=100, **values):
    """Summary of the scores of models at a level."""
    place = {"kind": "cis", "level": level, "metric": "pearson"}
    rows = [{"model": m, **place, "value": v, "low": v, "high": v, "n_windows": 9} for m, v in values.items()]
    rows += [{**row, "metric": "pearson_distance_subtracted", "value": np.nan} for row in rows]
    return pd.DataFrame(rows)
