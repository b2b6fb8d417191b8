"""Transcription factors of the simulated yeast: what they bind and what they do.

Purpose: the table of motifs behind the simulated expression law.
Inputs: none. Outputs: :data:`MOTIFS`, their weight matrices and their best sites.
The consensus sequences are those that textbooks give for budding yeast; weights, effects and distances are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

IUPAC = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "N": "ACGT",
}
#: Probability of the consensus base (or bases) at upper- and lower-case letters of a consensus.
STRONG, WEAK = 0.85, 0.6
#: Weights are multiples of this: their sums are exact in single precision, whatever the order of summation.
WEIGHT_STEP = 1 / 256


@dataclass(frozen=True)
class Motif:
    """Binding preference and action of one factor.

    Attributes
    ----------
    name : str
    consensus : str
        IUPAC letters, 5' to 3' on the strand of the gene; lower case where the factor is less choosy.
    role : str
        ``opener`` (makes the promoter accessible), ``activator`` (acts on an accessible promoter) or ``repressor``.
    effect : float
        Size of the action when the factor is always bound.
    slack : float
        Nats below the score of the best site at which a site is bound half of the time.
    other_strand : float
        Action of a site on the other strand, relative to one on the strand of the gene.
    centre, width : float
        Distance from the 3' end of the amplicon (bp) where the factor acts best, and the standard deviation of the
        bell curve around it.
    """

    name: str
    consensus: str
    role: str
    effect: float
    slack: float
    other_strand: float
    centre: float
    width: float

    @property
    def weights(self) -> np.ndarray:
        """Log odds over equal base frequencies in nats; float64, shape (length, 4) for A, C, G, T."""
        rows = []
        for letter in self.consensus:
            bases = IUPAC[letter.upper()]
            share = STRONG if letter.isupper() else WEAK
            rows.append(
                [share / len(bases) if base in bases else (1 - share) / (4 - len(bases)) for base in "ACGT"]
                if len(bases) < 4
                else [0.25] * 4
            )
        return np.round(np.log(np.array(rows) / 0.25) / WEIGHT_STEP) * WEIGHT_STEP

    @property
    def site(self) -> str:
        """The best site (the first in the alphabet where several are equally good)."""
        return "".join("ACGT"[column] for column in self.weights.argmax(axis=1))


MOTIFS = (
    Motif("Reb1", "TTACCCG", "opener", 2.6, 3.2, 0.6, 64, 17),
    Motif("Rap1", "CACCCAtaC", "opener", 2.6, 4.6, 0.1, 72, 17),
    Motif("Abf1", "TCAynnnnnACG", "opener", 2.0, 2.6, 0.9, 58, 20),
    Motif("poly-dA", "AAAAAAAA", "opener", 2.4, 4.4, 0.2, 62, 16),
    Motif("Gcn4", "TGACTCA", "activator", 3.2, 3.0, 1.0, 46, 15),
    Motif("Gcr1", "GCTTCC", "activator", 3.0, 2.2, 0.1, 66, 17),
    Motif("Swi4", "CGCGAAA", "activator", 2.6, 3.2, 0.3, 56, 17),
    Motif("TBP", "TATAwA", "activator", 2.8, 2.0, 0.1, 34, 11),
    Motif("Mig1", "aaaCCCCR", "repressor", 2.6, 2.8, 0.3, 70, 20),
    Motif("Ume6", "AGCCGCC", "repressor", 2.8, 3.2, 0.4, 48, 20),
    Motif("Rox1", "yATTGTt", "repressor", 2.0, 2.0, 0.9, 38, 18),
)
