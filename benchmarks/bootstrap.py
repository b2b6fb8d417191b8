"""Bootstrap of the challenge's scores: cisflow's kernel beside a loop over scipy, same draws, same machine, one run.

Inputs: none (numbers are drawn). Outputs: CPU seconds per draw of each, and their ratio.
Run: python benchmarks/bootstrap.py [--rows 9045] [--models 6] [--draws 10000] [--peer-draws 30]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import stats

from cisflow.evaluation.bootstrap import bootstrap_scores, draw_size
from cisflow.evaluation.scoring import ScoredSubset
from cisflow.evaluation.subsets import Subset

#: Sizes of the subsets relative to the public leaderboard's 9,045 rows.
SHARES = {"all": 1.0, "high": 0.011, "low": 0.011, "yeast": 0.023, "random": 0.081, "challenging": 0.022}
PAIR_SHARES = {"SNVs": 0.516, "motif perturbation": 0.036, "motif tiling": 0.029}


def make_subsets(rows: int, models: int) -> list[ScoredSubset]:
    """Nine subsets of random numbers with ties in the predictions of every second model."""
    rng = np.random.default_rng(1)
    scored = []
    for name, share in {**SHARES, **PAIR_SHARES}.items():
        n = round(share * rows)
        measured = rng.normal(size=n)
        predicted = measured[:, None] + rng.normal(scale=np.linspace(0.2, 1, models), size=(n, models))
        predicted[:, ::2] = predicted[:, ::2].round(1)
        scored.append(ScoredSubset(Subset(name, "values", 1.0, np.arange(n)), measured, predicted))
    return scored


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=9045, help="rows of the test table")
    parser.add_argument("--models", type=int, default=6)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--peer-draws", type=int, default=30, help="draws of the scipy loop, extrapolated")
    given = parser.parse_args()
    scored = make_subsets(given.rows, given.models)
    options = {"share": 0.1, "replace": False, "seeds": list(range(len(scored)))}
    bootstrap_scores(scored, draws=2, **options)  # compile
    start = time.process_time()
    bootstrap_scores(scored, draws=given.draws, **options)
    ours = (time.process_time() - start) / given.draws
    rng = np.random.default_rng(2)
    start = time.process_time()
    for _ in range(given.peer_draws):
        for s in scored:
            items = rng.choice(len(s.measured), draw_size(len(s.measured), 0.1), replace=False)
            for m in range(given.models):
                stats.pearsonr(s.measured[items], s.predicted[items, m])
                stats.spearmanr(s.measured[items], s.predicted[items, m])
    peer = (time.process_time() - start) / given.peer_draws
    print(f"{given.rows} rows, {given.models} models, 9 subsets, 10 % per draw")
    print(
        f"cisflow: {1000 * ours:.3f} CPU ms per draw, {ours * given.draws:.1f} CPU s for {given.draws} draws (measured)"
    )
    print(f"scipy:   {1000 * peer:.3f} CPU ms per draw ({given.peer_draws} draws measured)")
    print(f"ratio:   {peer / ours:.1f}")


if __name__ == "__main__":
    main()
