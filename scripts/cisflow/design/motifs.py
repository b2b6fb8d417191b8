"""Sites of transcription factors put into sequences: perturbed (Reb1, Hsf1) and tiled (six motifs), as published.

Inputs: background sequences. Outputs: changed sequences with the names of the challenge's tags. Source: the tags and
sequences of the published subsets ``motif_perturbation_seqs`` and ``motif_tiling_seqs`` (Rafi et al. 2024), from which
sites and places were read; tests write every published sequence from its tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np

from cisflow.design.parts import Part, pairs
from cisflow.simulate.bases import encode, reverse_complement

LETTERS = "ACGT"
#: Two Reb1 sites, which differ in their fifth base, and where they are put (0-based).
REB1 = {"s": "CCGGGTAAC", "m": "CCGGCTAAC"}
REB1_START = 20
#: Site of one Hsf1 monomer, put side by side; and of a trimer, of which ``.`` keeps the background.
HSF1 = {"mono": "ATGGAACA", "tri": ".TTCTAGAA..TTCT."}
#: Starts of the sites by the number in the tags; the last trimer is called 60 there and lies at 64.
HSF1_STARTS = {
    "mono": {str(start): start for start in range(0, 80, 8)},
    "tri": {"0": 0, "16": 16, "32": 32, "48": 48, "60": 64},
}
TILED = {
    "polyA": "AAAAA",
    "Skn7": "GTCTGGCCC",
    "Mga1": "TTCT",
    "Ume6": "AGCCGCC",
    "Mot3": "GCAGGCACG",
    "Azf1": "TAAAAGAAA",
}
#: Shortest background that takes the Hsf1 and Reb1 sites.
SHORTEST = 80


def _write(background: np.ndarray, start: int, site: str) -> None:
    """Put a site into codes, in place; dots keep what is there."""
    for offset, letter in enumerate(site):
        if letter != ".":
            background[start + offset] = LETTERS.index(letter)


def mutated(site: str, mutations: Sequence[str]) -> str:
    """Site with substitutions as ``4A``: 0-based place and new base."""
    letters = list(site)
    for mutation in mutations:
        letters[int(mutation[:-1])] = mutation[-1]
    return "".join(letters)


def _mutations(site: str, number: int) -> list[tuple[str, ...]]:
    """All choices of that many substitutions of a site."""
    found = []
    for places in combinations(range(len(site)), number):
        bases = ([base for base in LETTERS if base != site[place]] for place in places)
        found += [tuple(f"{place}{base}" for place, base in zip(places, new, strict=True)) for new in product(*bases)]
    return found


def reb1_sites(rng: np.random.Generator, several: int = 50) -> dict[str, str]:
    """Reb1 sites by tag: all single substitutions of both sites on both strands, some doubles and triples of one.

    Parameters
    ----------
    rng : Generator
    several : int
        Double and triple substitutions each, per strand, drawn without replacement.
    """
    sites = {}
    for name, forward in REB1.items():
        for strand, site in (("", forward), (".RC", reverse_complement(forward))):
            chosen = _mutations(site, 1)
            for number in (2, 3) if name == "s" else ():
                possible = _mutations(site, number)
                drawn = rng.choice(len(possible), size=min(several, len(possible)), replace=False)
                chosen += [possible[i] for i in sorted(drawn.tolist())]
            for mutations in chosen:
                sites[f"Reb1.{name}{strand}_{'.'.join(mutations)}_{REB1_START}"] = mutated(site, mutations)
    return sites


def hsf1_starts() -> dict[str, tuple[str, list[int]]]:
    """Kind and starts of the Hsf1 sites of each tag: one at each place, and more and more from the left or right."""
    found = {}
    for kind, places in HSF1_STARTS.items():
        starts = list(places.values())
        found |= {f"Hsf1{kind}.{label}": (kind, [start]) for label, start in places.items()}
        for number in range(1, len(starts) + 1):
            found[f"Hsf1{kind}.{number}L"] = (kind, starts[:number])
            found[f"Hsf1{kind}.{number}R"] = (kind, starts[-number:])
    return found


def perturbed(rng: np.random.Generator, tags: Sequence[str], backgrounds: np.ndarray, several: int = 50) -> Part:
    """Reb1 and Hsf1 sites in backgrounds, each compared with its background.

    Parameters
    ----------
    rng : Generator
    tags : sequence of str
        Names of the backgrounds.
    backgrounds : uint8 array, (n, length)
        80 bases or more.
    several : int
        See :func:`reb1_sites`; the same sites in all backgrounds, as published.
    """
    reb1, hsf1 = reb1_sites(rng, several), hsf1_starts()
    alt = np.repeat(backgrounds[:, None], len(reb1) + len(hsf1), axis=1)
    for i in range(len(backgrounds)):
        for j, site in enumerate(reb1.values()):
            _write(alt[i, j], REB1_START, site)
        for j, (kind, starts) in enumerate(hsf1.values(), len(reb1)):
            for start in starts:
                _write(alt[i, j], start, HSF1[kind])
    return pairs(tags, [[*reb1, *hsf1]] * len(tags), backgrounds, alt)


def tiled(tags: Sequence[str], backgrounds: np.ndarray, step: int = 1) -> Part:
    """The six motifs on both strands at successive places of backgrounds.

    Parameters
    ----------
    tags : sequence of str
    backgrounds : uint8 array, (n, length)
    step : int
        Bases between two places; 1 as published.
    """
    length = backgrounds.shape[1]
    names, columns = [], []
    for motif, forward in TILED.items():
        for strand, site in (("", forward), (".RC", reverse_complement(forward))):
            codes = encode([site])[0]
            for start in range(0, length - len(site) + 1, step):
                changed = backgrounds.copy()
                changed[:, start : start + len(site)] = codes
                names.append(f"{motif}{strand}_{start}")
                columns.append(changed)
    return pairs(tags, [names] * len(tags), backgrounds, np.stack(columns, axis=1))
