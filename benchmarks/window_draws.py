"""Bootstrap draws of contact windows and of regions of profiles: what all of them take in one process.

    python benchmarks/window_draws.py                        # both, default sizes: some minutes
    python benchmarks/window_draws.py --what contacts --windows 541 --levels 6 --models 10 --draws 10000

Sums and scores are drawn at random: their values do not change the work. Contacts: intervals over all windows and by
chromosome, ranking and comparisons, from sums as the rule evaluate_contact_models has them after it has read the maps.
Profiles: the draws of one fold, and the medians, means and correlations of its models in them, as the rule
score_profiles takes them; an assay has several folds. Prints CPU seconds (user + system), seconds by the clock and the
growth of the peak memory, each part in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np

from cisflow.evaluation.contact_ranking import rank_contact_models
from cisflow.evaluation.contact_sums import MEAN, ContactSums
from cisflow.evaluation.contacts import chromosome_table, summary_table
from cisflow.evaluation.profile_scores import RegionBootstrap

BINS, SHORTEST, SEED = 250, 1_000_000, 1


def make_sums(windows: int, levels: int, models: int) -> ContactSums:
    """Sums of windows on two chromosomes, each half a window of the shortest level after the one before."""
    rng = np.random.default_rng(SEED)
    half = (windows + 1) // 2
    chromosome = np.repeat(["chr9", "chr10"], [half, windows - half])
    start = np.concatenate([np.arange(half), np.arange(windows - half)]) * (SHORTEST // 2)
    length = SHORTEST * 2 ** np.arange(levels)
    found = ContactSums(
        chromosome, np.full(windows, "cis"), length, length // BINS, np.repeat(start[:, None], levels, axis=1)
    )
    n = BINS * BINS
    for m in range(models):
        r = np.clip(rng.normal(0.5, 0.1, (2, windows, levels)), -0.9, 0.9)
        both = np.zeros((2, windows, levels, 6))
        both[..., 0], both[..., 3:5], both[..., 5] = n, n, n * r
        found.sums[f"model{m}"] = {MEAN: both}
    return found


def contacts(given: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """Parts of the evaluation of contact models that draw windows."""
    sums = make_sums(given.windows, given.levels, given.models)
    drawn = (given.draws, SEED, "map")
    return {
        "intervals over windows": lambda: summary_table(sums, *drawn),
        "intervals by chromosome": lambda: chromosome_table(sums, *drawn),
        "ranking and comparisons": lambda: rank_contact_models(sums, *drawn),
    }


def profiles(given: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """Draws of the regions of a fold, and all scores in them."""
    rng = np.random.default_rng(SEED)
    observed = rng.normal(5, 1, given.regions)
    predicted = observed + rng.normal(0, 1, (given.models, given.regions))
    distance = rng.uniform(0.2, 0.8, (given.models + 2, given.regions))  # two baselines beside the models

    def fold() -> None:
        boot = RegionBootstrap(given.regions, given.draws, rng, "fold")
        for values in distance:
            boot.medians(values)
        for values in predicted:
            boot.pearsons(observed, values)
            boot.means((values - observed) ** 2)

    return {"one fold": fold}


PARTS = {"contacts": contacts, "profiles": profiles}


def measure(what: str, name: str, given: argparse.Namespace) -> tuple[float, float, float]:
    """CPU seconds, seconds and MB of one part."""
    function = PARTS[what](given)[name]
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    function()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, (after.ru_maxrss - before.ru_maxrss) / 1000


def main() -> None:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--windows", type=int, default=541)
    parser.add_argument("--levels", type=int, default=6)
    parser.add_argument("--regions", type=int, default=40_000, help="test peaks of one fold")
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--draws", type=int, default=10_000)
    given = parser.parse_args()
    print("| what | part | CPU s | s | MB |\n| --- | --- | --- | --- | --- |", flush=True)
    for what in given.what:
        for name in PARTS[what](argparse.Namespace(**{**vars(given), "windows": 2, "regions": 2})):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                cpu, wall, mb = pool.apply(measure, (what, name, given))
            print(f"| {what} | {name} | {cpu:.1f} | {wall:.1f} | {mb:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
