"""What the bootstrap's independent draws leave out: items shared between subsets, and references shared between pairs.

Inputs: the public leaderboard's predictions and lists (../shared/data). Outputs: standard errors of the Pearson Score
and of its difference to the best team, by way of drawing.
Run: python benchmarks/dependent_items.py --data ../shared/data [--draws 400]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.evaluation.scoring import ScoredSubset, select, total_score
from cisflow.evaluation.subsets import read_subsets

#: Column of the pairs (alternative, reference) whose row takes the pair along.
WAYS = {"every subset on its own": None, "rows; a pair with its alternative": 0, "rows; a pair with its reference": 1}


def squared_correlations(s: ScoredSubset, times: np.ndarray) -> np.ndarray:
    """Squared Pearson r of all models with every item counted ``times`` often; NaN when nothing was drawn."""
    n = times.sum()
    if n == 0:
        return np.full(s.predicted.shape[1], np.nan)
    x, y = s.measured - times @ s.measured / n, s.predicted - times @ s.predicted / n
    return ((times * x) @ y) ** 2 / ((times @ (x * x)) * (times @ (y * y)))


def draw_scores(scored: list[ScoredSubset], member: int | None, draws: int) -> np.ndarray:
    """Pearson Scores (draws, models)."""
    rng = np.random.default_rng(1)
    weights, rows = np.array([s.subset.weight for s in scored]), scored[0].subset.pos
    found = []
    for _ in range(draws):
        by_row = np.zeros(rows.max() + 1)
        by_row[rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))
        parts = []
        for s in scored:
            n = len(s.measured)
            if member is None:
                times = rng.multinomial(n, np.full(n, 1 / n)).astype(float)
            else:
                times = by_row[s.subset.pos if s.subset.kind == "values" else s.subset.pos[:, member]]
            parts.append(squared_correlations(s, times))
        found.append(total_score(np.array(parts), weights))
    return np.array(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=400)
    given = parser.parse_args()
    table = pd.read_csv(given.data / "leaderboard" / "public_predictions.tsv.gz", sep="\t").set_index("pos")
    measured, predictions = table["measured_maude"], table.drop(columns="measured_maude")
    lists = given.data / "expression" / "dream" / "public_leaderboard_ids"
    scored = select(read_subsets(lists, measured.index.to_numpy()), measured, predictions)
    best = predictions.columns.get_loc("autosome.org")
    for way, member in WAYS.items():
        scores = draw_scores(scored, member, given.draws)
        errors = pd.DataFrame(
            {"score": scores.std(axis=0), "difference to autosome.org": (scores - scores[:, [best]]).std(axis=0)},
            index=predictions.columns,
        )
        print(f"{way}\n{errors.round(5).to_string()}\n")


if __name__ == "__main__":
    main()
