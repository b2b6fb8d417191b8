"""Sites of known motifs in sequences, with exact p-values, and what a model makes of them.

Inputs: motifs, position scores of the mutagenesis. Outputs: one row per match. Scores are log-odds in bits; the p-value
of a score is the probability that a random sequence of the background reaches it, computed exactly for scores on a grid
(Staden 1989; FIMO does the same). A match is named; whether the model sees it is told by the contributions within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cisflow.interpret.meme import Motif, MotifFile

#: Steps of the grid between the lowest and the highest score of a motif.
GRID = 1000
#: Sites of the background that are added to those of a motif (FIMO's default).
PSEUDO_SITES = 0.1
#: A model sees a match when no more than this share of the windows of its width contribute as much.
MOST_SHARE = 0.25
#: Columns of the table of matches.
MATCHES = {
    "model": pl.String,
    "id": pl.String,
    "motif": pl.String,
    "name": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
    "strand": pl.String,
    "site": pl.String,
    "score": pl.Float64,
    "p_value": pl.Float64,
    "contribution": pl.Float64,
    "window_share": pl.Float64,
}
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass(frozen=True)
class Scorer:
    """Scores of a motif on a grid and how likely they are.

    Attributes
    ----------
    motif : Motif
    steps : int64 array, (width, 5)
        Scores of A, C, G, T and N (the lowest) in steps from the lowest one of the column.
    lowest : float
        Bits of a site without steps.
    step : float
        Bits.
    p_values : float64 array
        Probability of at least that many steps.
    """

    motif: Motif
    steps: np.ndarray
    lowest: float
    step: float
    p_values: np.ndarray

    @classmethod
    def of(cls, motif: Motif, background: np.ndarray) -> Scorer:
        """Scorer of a motif against a background, (4,)."""
        counts = motif.probabilities * motif.sites + PSEUDO_SITES * background
        bits = np.log2(counts / counts.sum(axis=1, keepdims=True) / background)
        low = bits.min(axis=1, keepdims=True)
        step = max(float((bits.max(axis=1) - low[:, 0]).sum()) / GRID, 1e-12)
        steps = np.rint((bits - low) / step).astype(np.int64)
        likely = np.ones(1)
        for column in steps:
            longer = np.zeros(len(likely) + column.max())
            for base, shift in enumerate(column):
                longer[shift : shift + len(likely)] += background[base] * likely
            likely = longer
        reached = np.minimum(np.cumsum(likely[::-1])[::-1], 1.0)
        return cls(motif, np.column_stack([steps, np.zeros(len(steps), np.int64)]), float(low.sum()), step, reached)

    def scan(self, codes: np.ndarray) -> np.ndarray:
        """Steps of every window of a sequence, int64 (length - width + 1,); codes as in :func:`_codes`."""
        width = len(self.steps)
        windows = np.lib.stride_tricks.sliding_window_view(codes, width)
        return self.steps[np.arange(width), windows].sum(axis=1)


def _codes(sequence: str) -> np.ndarray:
    """A, C, G, T, N as 0 to 4."""
    return np.array(["ACGTN".index(base) for base in sequence], dtype=np.int64)


def sites(sequence: str, scorers: Sequence[Scorer], p_value: float) -> pl.DataFrame:
    """Matches of motifs in a sequence, on both strands.

    Parameters
    ----------
    sequence : str
        A, C, G, T, N.
    scorers : sequence of Scorer
    p_value : float
        Largest p-value of a match.

    Returns
    -------
    polars.DataFrame
        ``motif, name, start, end`` (0-based, half-open, on the given strand), ``strand``, ``site`` (on the strand of
        the match), ``score`` (bits), ``p_value``; no site with an N.
    """
    length, rows = len(sequence), []
    other = sequence.translate(_COMPLEMENT)[::-1]
    for strand, text in (("+", sequence), ("-", other)):
        codes = _codes(text)
        for scorer in scorers:
            width = len(scorer.steps)
            if width > length:
                continue
            steps = scorer.scan(codes)
            for start in np.flatnonzero(scorer.p_values[steps] <= p_value).tolist():
                site = text[start : start + width]
                if "N" in site:
                    continue
                first = start if strand == "+" else length - start - width
                score = scorer.lowest + scorer.step * steps[start]
                about = (scorer.motif.motif, scorer.motif.name, first, first + width, strand, site)
                rows.append((*about, float(score), float(scorer.p_values[steps[start]])))
    columns = [name for name in MATCHES if name not in ("model", "id", "contribution", "window_share")]
    table = pl.DataFrame(rows, schema={name: MATCHES[name] for name in columns}, orient="row")
    return table.sort("start", "p_value", "motif", maintain_order=True)


def _with_contributions(found: pl.DataFrame, contribution: np.ndarray) -> pl.DataFrame:
    """Sum of the contributions within each match, and how many windows of its width have as much."""
    sums = np.concatenate([[0.0], np.cumsum(contribution)])
    start, end = found["start"].to_numpy(), found["end"].to_numpy()
    within, share = sums[end] - sums[start], np.empty(len(found))
    for width in np.unique(end - start):
        rows = end - start == width
        every = np.sort(np.abs(sums[width:] - sums[:-width]))
        below = np.searchsorted(every, np.abs(within[rows]) * (1 - 1e-9), side="left")
        share[rows] = (len(every) - below) / len(every)
    return found.with_columns(contribution=pl.Series(within), window_share=pl.Series(share))


def motif_matches(profiles: pl.DataFrame, file: MotifFile, p_value: float = 1e-4) -> pl.DataFrame:
    """Matches of known motifs in mutagenised sequences, model by model.

    Parameters
    ----------
    profiles : polars.DataFrame
        ``model``, ``id``, ``position``, ``base``, ``score`` (mean effect of the three substitutions).
    file : MotifFile
    p_value : float
        Largest p-value of a match (one window and strand).

    Returns
    -------
    polars.DataFrame
        Columns of :data:`MATCHES`: see :func:`sites`; ``contribution``: minus the sum of the position scores within the
        site (above 0: the site raises the prediction); ``window_share``: share of all windows of its width in the
        sequence whose contribution is at least as large in size. Small: the model sees the site.
    """
    scorers = [Scorer.of(motif, file.background) for motif in file.motifs]
    known: dict[tuple[str, int], pl.DataFrame] = {}
    parts = [pl.DataFrame(schema=MATCHES)]
    for (model, name), rows in profiles.group_by("model", "id", maintain_order=True):
        position = rows["position"].to_numpy()
        first = int(position.min())
        letters = np.full(int(position.max()) - first + 1, "N")
        letters[position - first] = rows["base"].to_numpy()
        contribution = np.zeros(len(letters))
        contribution[position - first] = -rows["score"].to_numpy()
        text = "".join(letters)
        if (text, first) not in known:
            known[text, first] = sites(text, scorers, p_value)
        found = _with_contributions(known[text, first], contribution)
        labels = {"model": pl.lit(model), "id": pl.lit(name)}
        moved = {"start": pl.col("start") + first, "end": pl.col("end") + first}
        parts.append(found.with_columns(**labels, **moved).select(pl.col(n).cast(kind) for n, kind in MATCHES.items()))
    return pl.concat(parts)


def one_per_place(matches: pl.DataFrame) -> pl.DataFrame:
    """Of each model and sequence the matches that do not overlap: the smallest share first, then the smallest p-value.

    Parameters
    ----------
    matches : polars.DataFrame
        See :func:`motif_matches`.
    """
    kept, numbered = [], matches.with_row_index("row")
    for _, rows in numbered.group_by("model", "id", maintain_order=True):
        taken: list[tuple[int, int]] = []
        ordered = rows.sort("window_share", "p_value", maintain_order=True)
        for row, start, end in ordered.select("row", "start", "end").iter_rows():
            if all(end <= other[0] or start >= other[1] for other in taken):
                taken.append((start, end))
                kept.append(row)
    return numbered.filter(pl.col("row").is_in(kept)).select(*MATCHES)


def most_matched(ids: Sequence[str], matches: pl.DataFrame) -> str:
    """Sequence with matches of the most motifs, of equal ones that with the most places; the first without any match.

    Parameters
    ----------
    ids : sequence of str
        Of the sequences, in their order.
    matches : polars.DataFrame
        See :func:`motif_matches`.
    """
    found = {
        name: (motifs, places)
        for name, motifs, places in matches.group_by("id")
        .agg(pl.col("motif").n_unique(), pl.struct("start", "end").n_unique().alias("places"))
        .iter_rows()
    }
    return max(dict.fromkeys(ids), key=lambda name: found.get(name, (0, 0)))
