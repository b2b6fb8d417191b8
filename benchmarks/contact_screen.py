"""CPU time of the insertion screen with local re-encoding beside the full recomputation of every insertion, at 32 Mb.

    python benchmarks/contact_screen.py                    # six minutes of one core
    python benchmarks/contact_screen.py --narrow --check   # an eighth of the channels
    python benchmarks/contact_screen.py --eighth           # two minutes; the encoding of 32 Mb from the time of 4 Mb

The network of recipe orca_32mb_hctnoc (compartment screen of Zhou 2022) with random weights, on random bases: times do
not depend on them. `full`: encode the whole window and decode the top level, what a screen does that keeps nothing.
The others: the same for windows that differ in 12,800 bases of one place from one that was encoded before; the first of
a place also stores what surrounds it. Both strands do the same work, so that one is measured. `--check` recomputes an
altered window in full and compares the maps. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import yaml

from cisflow.models.cascade import log_backgrounds
from cisflow.models.contact_networks import build_network
from cisflow.models.contact_settings import contact_settings
from cisflow.models.local_encoding import LocalEncoder
from cisflow.models.local_predict import top_level_map

RECIPE = Path(__file__).parents[1] / "config" / "recipes" / "orca_32mb_hctnoc.yaml"
INSERTED = 12_800
NARROW = {"widths": [8, 12, 16, 16, 16, 16, 16], "channels": 8, "middle": 4}


@torch.no_grad()
def normalise(network: torch.nn.Module, codes: np.ndarray, expected: np.ndarray) -> None:
    """Give all normalisations the statistics of these bases, as training does, so that changes reach the maps."""
    for part in network.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.momentum = 1.0
    level = network.ladder.levels[0]
    for part in (network.net0, network.net, network.decoders[str(level)]):
        part.train()
    base = network.net0.encode(torch.from_numpy(codes)[None])
    coarse = network.net(base)[-1]
    repeats = -(-network.ladder.bins // coarse.shape[-1])
    encoding = coarse.repeat(1, 1, repeats)[..., : network.ladder.bins]
    network.decode(level, encoding, log_backgrounds([expected])[0])
    network.eval()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--insertions", type=int, default=4, help="insertions after the first (default: 4)")
    parser.add_argument("--narrow", action="store_true", help="an eighth of the channels")
    parser.add_argument("--check", action="store_true", help="compare with the full recomputation")
    parser.add_argument("--eighth", action="store_true", help="time the encoding of an eighth, and take it eight times")
    given = parser.parse_args()
    if given.eighth and given.check:
        parser.error("--check needs the whole window, not --eighth")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    recipe["network"] |= NARROW if given.narrow else {}
    network = build_network(contact_settings(recipe), 0).eval()
    length = network.ladder.length
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    places = np.arange(network.ladder.bins)
    expected = 1.0 / (1.0 + np.abs(np.subtract.outer(places, places)))
    normalise(network, codes[:1_024_000], expected)
    encoder = LocalEncoder(network.net0)

    def measured(window: np.ndarray) -> tuple[float, np.ndarray]:
        start = time.process_time()
        found = top_level_map(network, encoder.encode(window), expected)
        return time.process_time() - start, found

    if given.eighth:
        start = time.process_time()
        part = encoder.encode(codes[: length // 8], remember=False)
        encoding = 8 * (time.process_time() - start)
        known = torch.cat(8 * [part], dim=-1)  # times do not depend on the values
        encoder._known.appendleft((codes.copy(), known))
        start = time.process_time()
        reference = top_level_map(network, known, expected)
        full = encoding + time.process_time() - start
    else:
        full, reference = measured(codes)
    local, altered, place = [], [], length // 2
    for _ in range(given.insertions + 1):
        changed = codes.copy()
        changed[place : place + INSERTED] = rng.integers(0, 4, INSERTED)
        before = encoder.encoded_bins
        seconds, found = measured(changed)
        bins = encoder.encoded_bins - before
        local.append(seconds)
        altered.append((changed, found))
    first, mean = local[0], float(np.mean(local[1:]))
    print("| window | full, CPU s | first of a place, CPU s | further ones, CPU s | ratio | bins encoded again |")
    print("| --- | --- | --- | --- | --- | --- |")
    times = f"{full:.1f} | {first:.2f} | {mean:.2f} | {full / mean:.1f}"
    print(f"| {length // 1_000_000} Mb | {times} | {bins} of {length // 4000} |")
    if given.check:
        encoder.forget()
        _, whole = measured(altered[0][0])
        of_map, effect = (np.abs(altered[0][1] - other).max() for other in (whole, reference))
        print(f"\nlargest difference of a map from the full recomputation: {of_map:.1e}; largest effect: {effect:.1e}")


if __name__ == "__main__":
    main()
