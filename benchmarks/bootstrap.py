"""Bootstrap of the challenge's scores: cisflow's kernel beside a loop over scipy, same draws, same machine, one run.

Inputs: none (numbers are drawn). Outputs: CPU seconds per draw of each, and their ratio.
Run: python benchmarks/bootstrap.py [--challenge] [--rows 9045] [--models 6] [--draws 10000] [--peer-draws 30]
--challenge: the sizes of the whole challenge (71,103 rows, 50,251 pairs) and 30 models.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import stats

from cisflow.evaluation.bootstrap import bootstrap_scores, draw_size
from cisflow.evaluation.scoring import ScoredSubset
from cisflow.evaluation.subsets import Subset

#: Items of the nine subsets on the public leaderboard (9,045 rows) and in the whole challenge (71,103 rows).
PUBLIC = {"all": 9045, "high": 96, "low": 99, "yeast": 208, "random": 733, "challenging": 195}
PUBLIC |= {"SNVs": 4670, "motif perturbation": 328, "motif tiling": 263}
WHOLE = {"all": 71_103, "high": 968, "low": 997, "yeast": 578, "random": 6349, "challenging": 1953}
WHOLE |= {"SNVs": 44_340, "motif perturbation": 3287, "motif tiling": 2624}


def make_subsets(sizes: dict[str, int], models: int) -> list[ScoredSubset]:
    """Nine subsets of random numbers with ties in the predictions of every second model."""
    rng = np.random.default_rng(1)
    scored = []
    for name, n in sizes.items():
        measured = rng.normal(size=n)
        predicted = measured[:, None] + rng.normal(scale=np.linspace(0.2, 1, models), size=(n, models))
        predicted[:, ::2] = predicted[:, ::2].round(1)
        scored.append(ScoredSubset(Subset(name, "values", 1.0, np.arange(n)), measured, predicted))
    return scored


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--challenge", action="store_true", help="sizes of the whole challenge, and 30 models")
    parser.add_argument("--rows", type=int, default=9045, help="rows of the test table; the subsets grow with it")
    parser.add_argument("--models", type=int, help="default: 6, or 30 with --challenge")
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--peer-draws", type=int, default=30, help="draws of the scipy loop, extrapolated")
    parser.add_argument("--threads", type=int, default=1, help="of cisflow; scipy has one")
    given = parser.parse_args()
    models = given.models or (30 if given.challenge else 6)
    sizes = WHOLE if given.challenge else {k: round(n * given.rows / PUBLIC["all"]) for k, n in PUBLIC.items()}
    scored = make_subsets(sizes, models)
    options = {"share": 0.1, "replace": False, "seeds": list(range(len(scored))), "threads": given.threads}
    bootstrap_scores(scored, draws=2, **options)  # compile
    start, wall = time.process_time(), time.perf_counter()
    bootstrap_scores(scored, draws=given.draws, **options)
    ours, wall = (time.process_time() - start) / given.draws, time.perf_counter() - wall
    rng = np.random.default_rng(2)
    start = time.process_time()
    for _ in range(given.peer_draws):
        for s in scored:
            items = rng.choice(len(s.measured), draw_size(len(s.measured), 0.1), replace=False)
            for m in range(models):
                stats.pearsonr(s.measured[items], s.predicted[items, m])
                stats.spearmanr(s.measured[items], s.predicted[items, m])
    peer = (time.process_time() - start) / given.peer_draws
    print(f"{sizes['all']} rows, {models} models, 9 subsets of {sum(sizes.values())} items, 10 % per draw")
    print(
        f"cisflow: {1000 * ours:.3f} CPU ms per draw, {ours * given.draws:.1f} CPU s and {wall:.1f} s "
        f"for {given.draws} draws (measured, threads {given.threads})"
    )
    print(f"scipy:   {1000 * peer:.3f} CPU ms per draw ({given.peer_draws} draws measured)")
    print(f"ratio:   {peer / ours:.1f}")


if __name__ == "__main__":
    main()
