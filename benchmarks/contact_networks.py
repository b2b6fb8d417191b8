"""Contact networks of the published size beside their plain definitions: time and peak memory.

    python benchmarks/contact_networks.py predict step          # the 1-Mb network, ours and that of plain_orca.py
    python benchmarks/contact_networks.py predict --lengths 250000 500000 1000000
    python benchmarks/contact_networks.py encode --share 4      # memory against length, a quarter of the channels
    python benchmarks/contact_networks.py encode_step --share 4 # the same with the backward pass
    python benchmarks/contact_networks.py level level_step      # decoder of a level of the later stages, ours and plain
    python benchmarks/contact_networks.py second second_step third third_step --bins 124  # the later stages as a whole
    python benchmarks/contact_networks.py cascade               # prediction of a 32-Mb window, one strand
    python benchmarks/contact_networks.py predict step --device cuda --precision tf32 --batch 16

One thread. predict, step, level and level_step: both networks in one process with the same weights and the same batch,
in turn; medians of ``--repeats`` in CPU seconds (user + system), after a run on a short sequence. A step is forward and
backward pass, and SGD with momentum; in step, activations are dropped and computed again in the four parts of the
published training. With ``--device cuda`` times are seconds of the clock until the GPU is done, and memory is what
torch allocates there beyond the weights.
second, third: what these stages compute after the encoders that they keep frozen: coarser encoder and the decoders of
all levels, from random encodings of the finest bins, and in a step the backward pass of the sum of the squared errors
of all levels, and SGD. Ours and plain in turn, each run in a process of its own; memory as below.
encode and encode_step (forward and backward pass): the base encoder alone, one process per row; memory is the peak of
resident memory less what the process held with its sequence before.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from plain_orca import POOLS, WIDTHS, PlainDecoder, PlainNet, PlainStage
from torch import Tensor, nn

from cisflow.models.cascade_network import orca_cascade
from cisflow.models.orca_decoder import Decoder
from cisflow.models.orca_encoder import Encoder, one_hot
from cisflow.models.orca_net import OrcaNet
from cisflow.training.numerics import reproducible_numerics

BIN = 4000
BLOCKS = 7  # of the decoder per part of the published training
SHORT = 40_000
LENGTHS = {
    "predict": [1_000_000],
    "step": [1_000_000],
    "encode": [1_000_000, 4_000_000, 16_000_000],
    "encode_step": [512_000, 1_024_000, 2_048_000],
    "level": [1_000_000],  # 250 bins of 4 kb; the size of a bin makes no difference to a decoder
    "level_step": [1_000_000],
    "second": [32_000_000],
    "second_step": [32_000_000],
    "third": [256_000_000],
    "third_step": [256_000_000],
    "cascade": [32_000_000],
}
STAGES = {"second": 5, "third": 3}  # doublings of the bin size
PAIRED = ("predict", "step", "level", "level_step")
BLOCK_BINS = 50  # of encode_step
PRECISIONS = ("float32", "tf32", "bf16")
DIGITS = ".3g"  # of seconds
PLAIN_AT_MOST = {"cpu": 4_000_000, "cuda": 32_000_000}  # bp; it needs about 1 GB per Mb at its full width


def codes(length: int, batch: int = 1) -> Tensor:
    """Random bases."""
    return torch.randint(0, 4, (batch, length), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class Place:
    """Where and how exactly the networks compute.

    Attributes
    ----------
    device : torch.device
    precision : str
        One of PRECISIONS; tf32 rounds the factors of products on a GPU, bf16 has them in a short type.
    """

    device: torch.device
    precision: str

    @contextmanager
    def numerics(self) -> Iterator[None]:
        """Numerics of a training, and products as exact as asked for."""
        short = self.precision == "bf16"
        with (
            reproducible_numerics(1, tf32=self.precision == "tf32"),
            torch.autocast(self.device.type, torch.bfloat16, enabled=short),
        ):
            yield

    def seconds(self, work: Callable[[], Tensor]) -> tuple[float, Tensor]:
        """Seconds of a function (CPU seconds, or those of the clock until the GPU is done), and its result."""
        if self.device.type == "cpu":
            start = time.process_time()
            result = work()
            return time.process_time() - start, result
        torch.cuda.synchronize()
        start = time.perf_counter()
        result = work()
        torch.cuda.synchronize()
        return time.perf_counter() - start, result

    def peak_mb(self) -> float:
        """Peak memory so far: resident memory of this process, or what torch has allocated on the GPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated() / 1e6
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def held_mb(self) -> float:
        """Memory before a piece of work, for the peak to be compared with."""
        if self.device.type == "cpu":
            return self.peak_mb()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 1e6


def inputs_of(part: str, length: int, place: Place, batch: int = 1) -> tuple[Tensor, ...]:
    """What a network is given: bases, or encoding, background and coarse map of a level."""
    if part in ("predict", "step"):
        return (one_hot(codes(length, batch).to(place.device)),)
    n, random = length // BIN // 2 * 2, torch.Generator().manual_seed(length)
    shapes = ((batch, 128, n), (batch, 1, n, n), (batch, 1, n // 2, n // 2))
    return tuple(torch.randn(shape, generator=random).to(place.device) for shape in shapes)


def pair_of_networks(part: str, place: Place) -> dict[str, nn.Module]:
    """Both networks with the same weights, as they are after a few training steps; without dropout."""
    torch.manual_seed(1)
    ours, plain = (
        (OrcaNet(checkpoint=BLOCKS), PlainNet()) if part in ("predict", "step") else (Decoder(), PlainDecoder())
    )
    ours, plain = ours.to(place.device).train(), plain.to(place.device)
    with torch.no_grad():
        for k in range(3):
            ours(*inputs_of(part, SHORT + k * BIN, place))
    plain.load_state_dict(ours.state_dict())
    for network in (ours, plain):
        for part in network.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
    return {"plain": plain, "ours": ours}


def predict_once(network: nn.Module, *given: Tensor) -> Tensor:
    """Contact map without gradients."""
    with torch.inference_mode():
        return network.eval()(*given)


def step_once(network: nn.Module, *given: Tensor) -> Tensor:
    """One training step; the gradient of a layer far from the output."""
    network.train().zero_grad()
    optimiser = torch.optim.SGD(network.parameters(), 1e-6, momentum=0.98)
    contacts = network(*given).float()
    target = torch.linspace(-1, 1, contacts.numel(), device=contacts.device).reshape(contacts.shape)
    (contacts - target).square().mean().backward()
    optimiser.step()
    names = dict(network.named_parameters())
    return names["conv7.0.weight" if "conv7.0.weight" in names else "lcombinerD.0.weight"].grad


def compare(part: str, length: int, place: Place, repeats: int, batch: int) -> dict[str, float]:
    """Time both networks in turn."""
    networks, work = pair_of_networks(part, place), step_once if part.endswith("step") else predict_once
    given = inputs_of(part, length, place, batch)
    # On a GPU the first pass of a size is spent on the choice of its kernels.
    first = given if place.device.type == "cuda" else inputs_of(part, SHORT, place)
    for network in networks.values():
        work(network, *first)
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    results = {}
    for _ in range(repeats):
        for name, network in networks.items():
            spent, results[name] = place.seconds(lambda network=network: work(network, *given))
            seconds[name].append(spent)
    apart = (results["ours"] - results["plain"]).abs().max() / results["plain"].abs().max()
    return {name: float(np.median(values)) for name, values in seconds.items()} | {"apart": apart.item()}


def encode(part: str, length: int, place: Place, way: str, share: int) -> dict[str, float]:
    """Time and memory of an encoder: plain, at once, or in blocks."""
    torch.manual_seed(1)
    encoder = PlainNet(share=share) if way == "plain" else Encoder([width // share for width in WIDTHS], POOLS)
    encoder, sequence = encoder.to(place.device), codes(length).to(place.device)
    run = encoder.encode_bins if way == "plain" else encoder.encode
    if part == "encode":
        encoder.eval()

        def work(bases: Tensor) -> Tensor:
            with torch.inference_mode():
                return run(one_hot(bases) if way == "plain" else bases)
    else:
        encoder.train()

        def work(bases: Tensor) -> Tensor:
            blocks = way == "blocks"
            encoding = encoder.encode_in_blocks(bases, BLOCK_BINS) if blocks else run(one_hot(bases))
            encoding.square().mean().backward()
            return encoding

    work(sequence[:, :SHORT])
    before = place.held_mb()
    seconds, _ = place.seconds(lambda: work(sequence))
    return {"seconds": seconds, "mb": place.peak_mb() - before}


def cascade(length: int, place: Place) -> dict[str, float]:
    """Time and memory of six levels, one strand."""
    torch.manual_seed(1)
    network = orca_cascade(length // 32 // BIN, BIN, block_bins="auto").eval().to(place.device)
    sequence, ladder = codes(length).to(place.device), network.ladder
    n = ladder.bins
    backgrounds = [torch.zeros(1, 1, n, n, device=place.device)] * len(ladder.levels)
    offsets = ladder.offsets([0] * (len(ladder.levels) - 1))
    before = place.held_mb()
    with torch.inference_mode():
        for _ in range(1 if place.device.type == "cpu" else 2):  # see compare
            encoded, encodings = place.seconds(lambda: network.encodings(sequence))
            decoded, _ = place.seconds(lambda encodings=encodings: network(encodings, offsets, backgrounds))
    return {"encode": encoded, "decode": decoded, "mb": place.peak_mb() - before}


def shared_weights(ours: nn.Module, plain: PlainStage) -> None:
    """Give the plain stage the weights of a cascade; dropout off in both."""
    plain.encoder.load_state_dict((ours.net1 if "net1" in ours.parts else ours.net).state_dict())
    for decoder, own in zip(plain.decoders, ours.decoders.values(), strict=True):
        decoder.load_state_dict(own.state_dict())
    if plain.first_stage is not None:
        plain.first_stage.load_state_dict(ours.net0.state_dict())
    for part in (*ours.modules(), *plain.modules()):
        if isinstance(part, nn.Dropout):
            part.p = 0.0


def stage_networks(stage: str, bins: int, place: Place) -> dict[str, nn.Module]:
    """Both networks of a stage, the encoders before it frozen."""
    torch.manual_seed(1)
    third = stage == "third"
    frozen = ("net0", "net") if third else ("net0",)
    # Of the third stage's frozen encoders nothing is used here: one step of coarsening stands for all five.
    levels = {"steps": 1, "coarse_steps": STAGES[stage]} if third else {"steps": STAGES[stage]}
    ours = orca_cascade(bins, 2 * BIN if third else BIN, frozen=frozen, **levels)
    plain = PlainStage(STAGES[stage], not third)
    shared_weights(ours, plain)
    return {"plain": plain.to(place.device), "ours": ours.to(place.device)}


def stage_work(
    network: nn.Module, stage: str, bins: int, place: Place, step: bool, batch: int = 1
) -> Callable[[], list[Tensor]]:
    """Function that predicts or takes a step; its maps, and a gradient of the coarser encoder."""
    levels, random = STAGES[stage] + 1, torch.Generator().manual_seed(bins)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(batch, *shape, generator=random).to(place.device)

    base = drawn(128, bins * 2 ** (levels - 1))
    backgrounds = [drawn(1, bins, bins) for _ in range(levels)]
    targets = [drawn(1, bins, bins) for _ in range(levels)]
    plain, middle = isinstance(network, PlainStage), bins // 4
    starts = [0] + [middle] * (levels - 1)  # of each level, in bins of the level above
    optimiser = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), 1e-6, momentum=0.98)

    def maps(learn: Callable[[int, Tensor], None] | None = None) -> list[Tensor]:
        if plain:
            return network(base, starts, backgrounds)
        ladder, coarser = network.ladder, network.net1 if "net1" in network.parts else network.net
        encodings = dict(zip(ladder.levels, reversed(coarser(base)), strict=True))
        return network(encodings, ladder.offsets(starts[1:]), backgrounds, learn)

    def predict() -> list[Tensor]:
        network.eval()
        with torch.inference_mode():
            return maps()

    def learn(level: int, contacts: Tensor) -> None:
        (contacts.float() - targets[level]).square().mean().backward()

    def take_step() -> list[Tensor]:
        network.train()
        network.zero_grad()
        if plain:
            if network.first_stage is not None:
                network.first_stage.eval()
            found = maps()
            sum((one.float() - target).square().mean() for one, target in zip(found, targets, strict=True)).backward()
        else:
            found = maps(learn)
        optimiser.step()
        names = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
        encoder = "encoder." if plain else ("net1." if stage == "third" else "net.")
        return [*(one.detach() for one in found), names[f"{encoder}lblocks.0.1.weight"]]

    return take_step if step else predict


def stage(part: str, bins: int, place: Place, way: str, repeats: int, batch: int) -> dict[str, float]:
    """Time and memory of a stage; or, ``way`` "both", how far the two networks are apart."""
    name, step = part.removesuffix("_step"), part.endswith("_step")
    networks = stage_networks(name, bins, place)
    if way == "both":
        both = [stage_work(network, name, bins, place, step, batch)() for network in networks.values()]
        return {"apart": max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(*both, strict=True))}
    work = stage_work(networks[way], name, bins, place, step, batch)
    before = place.held_mb()
    seconds = [place.seconds(work)[0] for _ in range(repeats + 1)][1:]
    return {"seconds": float(np.median(seconds)), "mb": place.peak_mb() - before}


def child(given: dict[str, str | int]) -> dict[str, float]:
    """One measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(given)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    )
    if done.returncode:
        raise SystemExit(f"no measurement of {given}: its process ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(given: dict[str, str | int]) -> dict[str, float]:
    """What a child does; ``size`` is in bp, of the later stages in bins."""
    part, size, place = given["part"], given["size"], Place(torch.device(given["device"]), given["precision"])
    with place.numerics():
        if part in PAIRED:
            return compare(part, size, place, given["repeats"], given["batch"])
        if part.removesuffix("_step") in STAGES:
            return stage(part, size, place, given["way"], given["repeats"], given["batch"])
        return cascade(size, place) if part == "cascade" else encode(part, size, place, given["way"], given["share"])


def rows(part: str, length: int, options: argparse.Namespace) -> list[str]:
    """Rows of the table for one part and length."""
    size, shared = f"{length / 1e6:g} Mb", ("device", "precision", "repeats", "batch", "share")
    given = {"part": part, "size": length, **{name: getattr(options, name) for name in shared}}
    if options.device == "cuda":
        part = f"{part}, {options.precision}, batch {options.batch}"
    if given["part"] in PAIRED:
        found = child(given)
        ratio = found["plain"] / found["ours"]
        times = f"{found['ours']:{DIGITS}} | {found['plain']:{DIGITS}} | {ratio:.2f}"
        return [f"{part} | {size} | {times} | {found['apart']:.0e}"]
    if given["part"].removesuffix("_step") in STAGES:
        given["size"] = options.bins
        plain, ours = (child({**given, "way": way}) for way in ("plain", "ours"))
        apart = child({**given, "size": 32, "way": "both"})["apart"]
        times = f"{ours['seconds']:{DIGITS}} | {plain['seconds']:{DIGITS}} | {plain['seconds'] / ours['seconds']:.2f}"
        memory = f"{ours['mb']:,.0f} MB | {plain['mb']:,.0f} MB | {plain['mb'] / ours['mb']:.1f}"
        return [f"{part} | {options.bins} bins | {times} | {memory} | {apart:.0e}"]
    if given["part"] == "cascade":
        found = child(given)
        times = f"encoders {found['encode']:{DIGITS}}, decoders {found['decode']:{DIGITS}}"
        return [f"{part} | {size} | {times} | {found['mb']:,.0f} MB"]
    ways = ["blocks"] if given["part"] == "encode" else ["at once", "blocks"]
    if given["part"] == "encode" and length <= PLAIN_AT_MOST[options.device]:
        ways = ["plain", *ways]
    found = {way: child({**given, "way": way}) for way in ways}
    return [f"{part} | {size} | {way} | {one['seconds']:{DIGITS}} | {one['mb']:,.0f} MB" for way, one in found.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["predict", "step"], help=", ".join(LENGTHS))
    parser.add_argument("--lengths", type=int, nargs="+", help="bp")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--bins", type=int, default=250, help="per level, of the later stages")
    parser.add_argument("--share", type=int, default=1, help="divide the encoder's channels by so much")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(json.loads(options.child))))
        return
    for part in options.parts:
        for length in options.lengths or LENGTHS[part]:
            for row in rows(part, length, options):
                print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
