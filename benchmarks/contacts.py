"""Time coarse-graining and balancing of a simulated map, and cooltools and cooler on the same map.

    python benchmarks/contacts.py --contacts 6000000

Prints CPU seconds (user + system, without compiling and without starting; balancing includes reading the file) and
whether the results are the same.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cooler
import numpy as np
from cooltools.lib import numutils

from cisflow.contacts.balance import balance, in_memory
from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.coolers import chromosome_offsets, read_pixels
from cisflow.contacts.expected import compute_expected
from cisflow.contacts.prepare import prepare_map
from cisflow.contacts.targets import ContactMap
from cisflow.simulate.contacts import simulate_contacts

WINDOW = 1000  # bins


def cpu_seconds(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Median CPU seconds of a function, called once before."""
    result, seconds = work(), []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds)), result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=6_000_000, help="contacts of the map (5 x 2 Mb at 1 kb)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / file for file in ("s.fa", "s.mcool", "s.truth.npz", "s.bed")]
        start = time.process_time()
        simulate_contacts("benchmark", 1, 5, 2_000_000, 1000, options.contacts, *files)
        print(f"simulate (includes compiling): {time.process_time() - start:.1f} s")
        prepare_map(files[1], files[0], 1000, folder / "m.cool", folder / "q.tsv", validation=["chr4"], test=["chr5"])
        compute_expected(folder / "m.cool", folder / "e.npz", folder / "a.tsv", folder / "b.tsv")
        clr = cooler.Cooler(str(folder / "m.cool"))
        offsets = chromosome_offsets(clr)

        def read() -> Any:
            return read_pixels(folder / "m.cool")

        ours, result = cpu_seconds(lambda: balance(in_memory(read(), 10**9, read), offsets, "map"), options.repeats)
        theirs, (weights, _) = cpu_seconds(lambda: cooler.balance_cooler(clr), 1)
        difference = np.nanmax(np.abs(result.weights / weights - 1))
        print(
            f"balance {clr.info['nnz']:,} pixels: {ours:.2f} s, cooler {theirs:.2f} s; weights {difference:.1e} apart"
        )

        region = f"chr5:0-{WINDOW * 1000}"
        balanced, counts = (clr.matrix(balance=b).fetch(region).astype(float) for b in (True, False))
        ours, smoothed = cpu_seconds(lambda: adaptive_coarsegrain(balanced, counts), options.repeats)
        theirs, expected = cpu_seconds(
            lambda: numutils.adaptive_coarsegrain(balanced, counts, max_levels=12), options.repeats
        )
        same = np.array_equal(smoothed, expected, equal_nan=True)
        print(f"coarse-grain {WINDOW} bins: {ours * 1000:.1f} ms, cooltools {theirs * 1000:.1f} ms; identical: {same}")

        contacts = ContactMap(folder / "m.cool", folder / "e.npz")
        window, _ = cpu_seconds(lambda: contacts.window_target("chr5", 500_000, WINDOW, 4), options.repeats)
        print(f"target of a window of {WINDOW} bins: {window * 1000:.1f} ms")


if __name__ == "__main__":
    main()
