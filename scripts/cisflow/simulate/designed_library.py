"""A designed test library: the kinds of sequences that tell models apart.

Purpose: sequences like those of the Random Promoter DREAM Challenge's test set (Rafi et al. 2024), in the same eight
subsets: random, yeast-like, high, low, challenging, single-base variants, perturbed motifs and tiled motifs.
Inputs: a generator and the flanks. Outputs: the ordered sequences and one table per subset.
"""

from __future__ import annotations

import numpy as np

from cisflow.design.parts import DesignedLibrary, Part, assemble, pairs, singles
from cisflow.simulate.bases import random_bases, with_flanks
from cisflow.simulate.expression_law import true_expression
from cisflow.simulate.motifs import MOTIFS
from cisflow.simulate.promoters import VARIABLE_LENGTH, plant, plant_sites, site_codes, yeast_like

RANDOM, YEAST, HIGH, LOW = 300, 250, 150, 150
#: Random sequences among which those of highest and of lowest expression are chosen.
CANDIDATES = 6_000
#: Dense in sites; the same blocks in another order; repeats of a short unit.
CHALLENGING_EACH = 70
BLOCKS = 5
#: With repeats of fewer bases the published rule merges read pairs at a wrong offset, and the element is lost.
REPEAT_UNITS = (5, 20)
VARIANT_REFERENCES, VARIANTS_TRIED, VARIANTS_STRONGEST, VARIANTS_ANY = 60, 60, 2, 3
PERTURBED = 50
TILED_BACKGROUNDS, TILED_MOTIFS, TILING_STEP = 8, 2, 5


def _singles(name: str, variable: np.ndarray) -> Part:
    return singles([f"{name}_{i:03d}" for i in range(len(variable))], variable)


def _extremes(rng: np.random.Generator, flanks: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Random sequences of highest and of lowest true expression among many."""
    candidates = random_bases(rng, CANDIDATES, VARIABLE_LENGTH)
    order = np.argsort(true_expression(with_flanks(candidates, *flanks)), kind="stable")
    return candidates[order[-HIGH:]], candidates[order[:LOW]]


def _challenging(rng: np.random.Generator) -> list[Part]:
    """Sequences where counting sites or k-mers is not enough."""
    n, block = CHALLENGING_EACH, VARIABLE_LENGTH // BLOCKS
    dense = random_bases(rng, n, VARIABLE_LENGTH)
    for i in range(BLOCKS):
        plant_sites(rng, dense, np.arange(n), i * block, (i + 1) * block)
    order = rng.permuted(np.tile(np.arange(BLOCKS), (n, 1)), axis=1)
    rearranged = dense.reshape(n, BLOCKS, block)[np.arange(n)[:, None], order].reshape(n, VARIABLE_LENGTH)
    shortest, longest = REPEAT_UNITS
    units = random_bases(rng, n, longest)
    places = np.arange(VARIABLE_LENGTH) % rng.integers(shortest, longest + 1, size=(n, 1))
    repeats = np.take_along_axis(units, places, axis=1)
    return [
        _singles(f"challenging_{kind}", codes)
        for kind, codes in (("dense", dense), ("rearranged", rearranged), ("repeat", repeats))
    ]


def _variants(rng: np.random.Generator, flanks: tuple[str, str]) -> Part:
    """Single-base changes: some of the strongest of those tried, some of any size."""
    n = VARIANT_REFERENCES
    ref = np.concatenate([random_bases(rng, n - n // 2, VARIABLE_LENGTH), yeast_like(rng, n // 2)])
    changes = rng.permuted(np.tile(np.arange(3 * VARIABLE_LENGTH), (n, 1)), axis=1)[:, :VARIANTS_TRIED]
    place = changes // 3
    old = np.take_along_axis(ref, place, axis=1)
    new = ((old + 1 + changes % 3) % 4).astype(np.uint8)
    alt = np.repeat(ref[:, None], VARIANTS_TRIED, axis=1)
    np.put_along_axis(alt, place[..., None], new[..., None], axis=2)
    tried = true_expression(with_flanks(alt.reshape(-1, VARIABLE_LENGTH), *flanks)).reshape(n, -1)
    size = np.abs(tried - true_expression(with_flanks(ref, *flanks))[:, None])
    strongest = np.argsort(-size, axis=1, kind="stable")
    # The changes were drawn in random order, so the first ones that are left are changes of any size.
    rest = np.sort(strongest[:, VARIANTS_STRONGEST:], axis=1)[:, :VARIANTS_ANY]
    kept = np.concatenate([strongest[:, :VARIANTS_STRONGEST], rest], axis=1)
    old, new, place = (np.take_along_axis(a, kept, axis=1) for a in (old, new, place))
    names = [
        [f"{'ACGT'[o]}{p}{'ACGT'[w]}" for o, p, w in zip(*row, strict=True)]
        for row in zip(old.tolist(), place.tolist(), new.tolist(), strict=True)
    ]
    return pairs([f"variant_{i:03d}" for i in range(n)], names, ref, np.take_along_axis(alt, kept[..., None], axis=1))


def _perturbed(rng: np.random.Generator) -> Part:
    """One site of a factor and one of an opener: removed, weakened, turned round; the opener removed."""
    n, half = PERTURBED, VARIABLE_LENGTH // 2
    openers = [i for i, motif in enumerate(MOTIFS) if motif.role == "opener"]
    lengths = np.array([len(motif.consensus) for motif in MOTIFS])
    factor, opener = np.arange(n) % len(MOTIFS), rng.choice(openers, size=n)
    start = half + (rng.random(n) * (half - lengths[factor] + 1)).astype(np.int64)
    opener_start = (rng.random(n) * (half - lengths[opener] + 1)).astype(np.int64)
    ref = random_bases(rng, n, VARIABLE_LENGTH)
    for i in range(len(MOTIFS)):
        for held, starts in ((factor, start), (opener, opener_start)):
            rows = np.flatnonzero(held == i)
            plant(ref, rows, starts[rows], site_codes(i, False))
    removed, weakened, turned, closed = alts = [ref.copy() for _ in range(4)]
    for i in range(len(MOTIFS)):
        rows = np.flatnonzero(factor == i)
        plant(removed, rows, start[rows], random_bases(rng, len(rows), lengths[i]))
        plant(turned, rows, start[rows], site_codes(i, True))
        strict = np.flatnonzero([letter in "ACGT" for letter in MOTIFS[i].consensus])
        place = start[rows] + rng.choice(strict, size=len(rows))
        weakened[rows, place] = (weakened[rows, place] + rng.integers(1, 4, size=len(rows), dtype=np.uint8)) % 4
        rows = np.flatnonzero(opener == i)
        plant(closed, rows, opener_start[rows], random_bases(rng, len(rows), lengths[i]))
    names = [
        [f"{MOTIFS[f].name}_{change}" for change in ("removed", "weakened", "turned")]
        + [f"{MOTIFS[o].name}_opener_removed"]
        for f, o in zip(factor.tolist(), opener.tolist(), strict=True)
    ]
    return pairs([f"perturbation_{i:03d}" for i in range(n)], names, ref, np.stack(alts, axis=1))


def _tiled(rng: np.random.Generator) -> Part:
    """Sites of factors at successive places of the same backgrounds."""
    backgrounds = random_bases(rng, TILED_BACKGROUNDS, VARIABLE_LENGTH)
    tags = [f"tiling_{i:02d}" for i in range(TILED_BACKGROUNDS)]
    variable, ref = [backgrounds], []
    first_motifs = rng.permutation(len(MOTIFS))
    for i in range(TILED_BACKGROUNDS * TILED_MOTIFS):
        background, motif = i // TILED_MOTIFS, int(first_motifs[i % len(MOTIFS)])
        other_strand = bool(rng.integers(2))
        site = site_codes(motif, other_strand)
        starts = np.arange(0, VARIABLE_LENGTH - len(site) + 1, TILING_STEP)
        tiled = np.repeat(backgrounds[background][None], len(starts), axis=0)
        plant(tiled, np.arange(len(starts)), starts, site)
        variable.append(tiled)
        ref += [background] * len(starts)
        name = f"{MOTIFS[motif].name}_{'minus' if other_strand else 'plus'}"
        tags += [f"tiling_{background:02d}_{name}_{start}" for start in starts.tolist()]
    return Part(tags, np.concatenate(variable), TILED_BACKGROUNDS + np.arange(len(ref)), np.array(ref))


def design_library(rng: np.random.Generator, distal: str, proximal: str) -> DesignedLibrary:
    """Design a test library.

    Parameters
    ----------
    rng : Generator
    distal, proximal : str
        Flanks of the variable part.

    Returns
    -------
    DesignedLibrary
        About 1,900 different sequences in random order. A sequence that two designs share stands once and belongs to
        both subsets; a pair whose members are equal is left out.
    """
    flanks = (distal, proximal)
    high, low = _extremes(rng, flanks)
    parts = {
        "all_random_seqs": [_singles("random", random_bases(rng, RANDOM, VARIABLE_LENGTH))],
        "yeast_seqs": [_singles("yeast", yeast_like(rng, YEAST))],
        "high_exp_seqs": [_singles("high", high)],
        "low_exp_seqs": [_singles("low", low)],
        "challenging_seqs": _challenging(rng),
        "all_SNVs_seqs": [_variants(rng, flanks)],
        "motif_perturbation_seqs": [_perturbed(rng)],
        "motif_tiling_seqs": [_tiled(rng)],
    }
    return assemble(rng, parts, *flanks)
