"""Sequences that nobody has measured, for models of a simulated library to predict.

Inputs: constant parts of the reads, a seed. Outputs: FASTA file.
"""

from __future__ import annotations

from pathlib import Path

from cisflow.files import write_text
from cisflow.randomness import generator
from cisflow.simulate.bases import decode, with_flanks
from cisflow.simulate.promoters import random_variable_parts

PROMOTERS = 500


def simulate_promoters(distal: str, proximal: str, seed: int, path: Path) -> None:
    """Write random promoters of the lengths that the simulated random library has.

    Parameters
    ----------
    distal, proximal : str
        Constant bases around each; empty where the library is counted without them.
    seed : int
    path : path
        FASTA file.
    """
    variable = random_variable_parts(generator(seed, "query"), PROMOTERS)
    sequences = decode(with_flanks(variable, distal, proximal))
    write_text("".join(f">random_{n:03d}\n{bases}\n" for n, bases in enumerate(sequences, 1)), path)
