"""Zoom cascades: windows, backgrounds, strands; the original program's cascades with deterministic parameters."""

import json

import numpy as np
import orca_fill
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cisflow.models.cascade import Cascade, predict_ladder
from cisflow.models.cascade_network import load_earlier_stage, orca_cascade
from cisflow.models.cascade_zoom import (
    Ladder,
    clip_centre,
    distance_backgrounds,
    matrix_backgrounds,
    observed_ladder,
    round_down,
    zoom_offsets,
)
from cisflow.models.orca_decoder import Decoder
from cisflow.models.orca_encoder import Encoder, one_hot
from cisflow.models.orca_multiscale import CoarseningEncoder
from cisflow.models.orca_net import Decoder1M, OrcaNet
from cisflow.problems import InputError

MEGABASES_32, MEGABASES_256 = (32, 16, 8, 4, 2, 1), (256, 128, 64, 32)
LADDER_32 = Ladder(250, tuple(1_000_000 * level for level in MEGABASES_32))
LADDER_256 = Ladder(250, tuple(1_000_000 * level for level in MEGABASES_256))
CHROMOSOME_END = 138_368_000


class SymbolEncoder(torch.nn.Module):
    """Stands for the base encoder: one symbol, one bin (tests/golden/orca/README.md, section 5)."""

    def __init__(self, decoder=None):
        super().__init__()
        c, a = np.arange(1, 129)[:, None], np.arange(1, 5)
        self.register_buffer("weight", torch.from_numpy(np.sin(0.9 * c * a)).float())
        self.decode = decoder

    def encode_by(self, codes, blocks):
        return torch.einsum("ca,bal->bcl", self.weight, one_hot(codes))


class Pooling(torch.nn.AvgPool1d):
    """Stands for the 4- to 128-kb encoder of the 256-Mb case."""

    def forward(self, encoding):
        return [super().forward(encoding)]


def symbol_cascade(ladder, symbol, *parts, **options):
    """A cascade on 8,000 symbols instead of ``symbol`` bp each, with the golden set's decoders."""
    levels = len(ladder.levels)
    decoders = [orca_fill.fill(Decoder(upsampling="bilinear"), "B", 1000 * k) for k in reversed(range(levels))]
    symbols = Ladder(ladder.bins, tuple(level // symbol for level in ladder.levels))
    return Cascade(symbols, *parts[:2], decoders, *parts[2:], **options).eval()


@pytest.fixture(scope="module")
def reference(golden):
    def read(name):
        facts = json.loads((golden / "orca" / f"{name}_golden.json").read_text())
        return np.load(golden / "orca" / f"{name}_golden.npz"), facts

    return read


CODES = orca_fill.dna(8000)[0].numpy().argmax(axis=0).astype(np.uint8)
LOG_EXPECTED = -3 - np.log(np.arange(8000) + 1)


def background_256():
    """8000 x 8000 bins of 32 kb: a chromosome of 4,324 bins and another one."""
    first = np.arange(8000) < CHROMOSOME_END // 32_000
    distance = np.abs(np.arange(8000)[:, None] - np.arange(8000))
    matrix = np.exp(LOG_EXPECTED)[distance]
    matrix[distance > 4000] = np.nan
    matrix[first[:, None] != first] = 2e-6
    return matrix


@pytest.fixture(scope="module")
def backgrounds_32():
    """Of the 32-Mb case, for its two tests."""
    return distance_backgrounds(LADDER_32, LOG_EXPECTED, 4000)


@pytest.fixture(scope="module")
def backgrounds_256(reference):
    """Of the 256-Mb case on both strands, for its two tests."""
    offsets = zoom_offsets(LADDER_256, 0, reference("cascade_256Mb")[1]["mpos"], CHROMOSOME_END)
    return matrix_backgrounds(LADDER_256, background_256(), 32_000, offsets, "compatible")


def test_windows_backgrounds_and_observed_maps_of_32_megabases_are_those_of_the_original(reference, backgrounds_32):
    arrays, facts = reference("cascade_32Mb")
    start = facts["wpos"] - 16_000_000
    offsets = zoom_offsets(LADDER_32, start, facts["mpos"])
    assert (start + offsets).tolist() == facts["start_coords"]
    assert (start + offsets + LADDER_32.levels).tolist() == facts["end_coords"]
    i = np.arange(8000)
    observed = np.exp(LOG_EXPECTED)[np.abs(i[:, None] - i)]
    observed = (observed * (1 + 0.5 * np.sin(0.003 * i)[:, None] * np.sin(0.003 * i))).astype(np.float32)
    missing = (i % 37 == 0) | ((i >= 3000) & (i < 3100))
    observed[missing] = observed[:, missing] = np.nan
    targets = observed_ladder(LADDER_32, observed, 4000, offsets, backgrounds_32)
    for level, expected, target in zip(MEGABASES_32, backgrounds_32, targets, strict=True):
        np.testing.assert_allclose(expected[0], arrays[f"norm_{level}Mb"], rtol=1e-12)
        np.testing.assert_allclose(expected.min(), facts["epss"][str(level)], rtol=1e-12)
        np.testing.assert_allclose(target[::5, ::5], arrays[f"obs_{level}Mb"], atol=1e-4, rtol=1e-4)
        assert np.isnan(target).mean() == pytest.approx(facts["stats"][str(level)]["obs_nan_fraction"])


def test_windows_and_backgrounds_of_256_megabases_are_those_of_the_original(reference, backgrounds_256):
    arrays, facts = reference("cascade_256Mb")
    offsets = zoom_offsets(LADDER_256, 0, facts["mpos"], CHROMOSOME_END)
    assert offsets.tolist() == facts["start_coords"]
    ends = np.minimum(offsets + LADDER_256.levels, CHROMOSOME_END)
    assert ends.tolist() == facts["end_coords"]
    forward, _ = backgrounds_256
    for level, expected in zip(MEGABASES_256, forward, strict=True):
        np.testing.assert_allclose(expected[::5, ::5], arrays[f"norm_{level}Mb"], rtol=1e-12)
        np.testing.assert_allclose(expected.min(), facts["stats"][str(level)]["norm_min"], rtol=1e-12)


def check_predictions(predicted, levels, arrays, facts):
    for level, contacts in zip(levels, predicted[:, 0], strict=True):
        np.testing.assert_allclose(contacts[::5, ::5], arrays[f"pred_{level}Mb"], atol=1e-4, rtol=1e-4)
        assert contacts.mean() == pytest.approx(facts["stats"][str(level)]["pred_mean"], abs=1e-4, rel=1e-4)


def test_predictions_of_32_megabases_are_those_of_the_original(reference, backgrounds_32):
    arrays, facts = reference("cascade_32Mb")
    net0 = SymbolEncoder(orca_fill.fill(Decoder1M(), "B"))
    net = orca_fill.fill(CoarseningEncoder(5), "B")
    cascade = symbol_cascade(LADDER_32, 4000, net0, net, finest_term=True)
    offsets = zoom_offsets(LADDER_32, facts["wpos"] - 16_000_000, facts["mpos"])
    check_predictions(predict_ladder(cascade, CODES, offsets // 4000, backgrounds_32), MEGABASES_32, arrays, facts)


def test_predictions_of_256_megabases_are_those_of_the_original(reference, backgrounds_256):
    arrays, facts = reference("cascade_256Mb")
    cascade = symbol_cascade(LADDER_256, 32_000, SymbolEncoder(), Pooling(4), orca_fill.fill(CoarseningEncoder(3), "B"))
    offsets = zoom_offsets(LADDER_256, 0, facts["mpos"], CHROMOSOME_END)
    predicted = predict_ladder(cascade, CODES, offsets // 32_000, *backgrounds_256)
    check_predictions(predicted, MEGABASES_256, arrays, facts)


def test_centres_and_rounding_are_those_of_the_original(golden):
    cases = json.loads((golden / "orca" / "structural_golden.json").read_text())
    for case in cases["coord_clip"]:
        assert clip_centre(case["pos"], case["chrlen"], case["window_radius"]) == case["out"]
    assert all(round_down(position) == expected for position, expected in cases["coord_round"])


@given(st.integers(0, 10_000_000), st.integers(64_000, 10_000_000), st.integers(1, 300))
def test_a_window_lies_on_its_chromosome_and_keeps_the_phase_of_the_position(position, length, radius_bins):
    bin_size, position = 1000, position % length
    radius = min(radius_bins, length // (2 * bin_size)) * bin_size
    centre = clip_centre(position, length, radius, bin_size)
    assert radius <= centre <= length - radius
    if bin_size <= position <= length - bin_size and length - 2 * radius >= 2 * bin_size:
        assert (centre - position) % bin_size == 0


SMALL = Ladder(8, (320, 160, 80, 40))


def offsets_as_published(ladder, start, position, chromosome_end, reverse):
    """The original's formulas for either strand (32 Mb; 256 Mb with the end of a chromosome)."""
    offset, offsets, end = 0, [0], start + ladder.length
    for level, size in zip(ladder.levels[:-1], ladder.bin_sizes, strict=False):
        half, origin = ladder.bins // 2, end - offset - level if reverse else start + offset
        proposal = position - level // 4 - origin
        if chromosome_end is None and reverse:
            first = min(max(-((position + level // 4 - (end - offset)) // size), 0), half)
        else:
            if chromosome_end is not None:
                low, high = -start, chromosome_end - level // 2 - start
                proposal = min(max(proposal, low), high) if low < high else low
            first = min(max(proposal // size, 0), half)
            first = half - first if reverse else first
        offset += first * size
        offsets.append(offset)
    return offsets


@given(st.integers(0, 400), st.integers(0, 320), st.one_of(st.none(), st.integers(20, 320)))
def test_windows_are_those_of_the_published_formulas_on_both_strands(start, position, length):
    end = None if length is None else start + length
    offsets = zoom_offsets(SMALL, start, start + position, end)
    mirrored = SMALL.mirrored(offsets)
    assert offsets.tolist() == offsets_as_published(SMALL, start, start + position, end, reverse=False)
    assert mirrored.tolist() == offsets_as_published(SMALL, start, start + position, end, reverse=True)
    assert SMALL.mirrored(mirrored).tolist() == offsets.tolist()
    assert SMALL.offsets(SMALL.first_bins(offsets).tolist()).tolist() == offsets.tolist()


@given(st.integers(0, 319), st.integers(10, 320))
def test_windows_stay_inside_the_chromosome_where_they_fit(position, end):
    offsets = zoom_offsets(SMALL, 0, position % end, end)
    for offset, level in zip(offsets[1:], SMALL.levels[1:], strict=True):
        assert offset == 0 if end <= level else offset + level <= end


def test_a_position_in_the_middle_zooms_by_the_published_bins():
    offsets = zoom_offsets(LADDER_32, 0, 16_000_000)
    assert LADDER_32.first_bins(offsets).tolist() == [62, 63, 63, 63, 63]


@given(st.integers(0, 319), st.integers(0, 100))
def test_the_reverse_background_is_the_mirrored_forward_block(position, seed):
    matrix = np.random.default_rng(seed).random((64, 64))
    offsets = zoom_offsets(SMALL, 0, position)
    forward, reverse = matrix_backgrounds(SMALL, matrix, 5, offsets)
    flipped, _ = matrix_backgrounds(SMALL, matrix[::-1, ::-1], 5, SMALL.mirrored(offsets))
    for ahead, back, again in zip(forward, reverse, flipped, strict=True):
        np.testing.assert_array_equal(back, ahead[::-1, ::-1])
        np.testing.assert_allclose(again, back, rtol=1e-12)


def test_compatible_and_corrected_backgrounds_agree_inside_one_chromosome_and_differ_across_two():
    one = np.exp(-np.abs(np.arange(64)[:, None] - np.arange(64)) / 9)
    two = np.where((np.arange(64)[:, None] < 40) == (np.arange(64) < 40), one, 1e-4)
    offsets = zoom_offsets(SMALL, 0, 30)
    for matrix, agrees in ((one, True), (two, False)):
        found = [
            np.stack(matrix_backgrounds(SMALL, matrix, 5, offsets, rule)[1]) for rule in ("corrected", "compatible")
        ]
        assert np.allclose(*found, rtol=1e-12) == agrees


def test_missing_background_becomes_the_smallest_one():
    matrix = np.full((64, 64), 0.5)
    matrix[:3, -3:] = np.nan
    matrix[10, 10] = 0.125
    (top, *_), _ = matrix_backgrounds(SMALL, matrix, 5, np.zeros(4, dtype=np.int64))
    assert top[0, -1] == pytest.approx((9 * 0.125 + 55 * 0.5) / 64)
    assert np.isnan(matrix[0, -1])


@pytest.mark.parametrize(
    ("bins", "levels"), [(7, (28,)), (8, (64, 31)), (8, (60,)), (8, ()), (8, (32, 16, 4))], ids=str
)
def test_levels_that_are_no_ladder_are_told(bins, levels):
    with pytest.raises(InputError):
        Ladder(bins, levels)


NARROW = {
    "widths": (4, 6),
    "pools": (1, 20),
    "kernel_size": 3,
    "channels": 4,
    "middle": 2,
    "dilations": (1, 2),
    "dilations_1m": (1, 2),
    "dropout": 0.0,
    "upsampling": "bilinear",
}


def tiny_cascade(**options):
    """Three levels of 8 bins of 20, 40 and 80 bp: the same classes, narrow."""
    torch.manual_seed(3)
    return orca_cascade(8, **{"bin_size": 20, **NARROW, "steps": 2, "frozen": (), **options})


TINY_CODES = np.random.default_rng(0).integers(0, 5, 640).astype(np.uint8)
TINY_BACKGROUNDS = distance_backgrounds(Ladder.from_finest(8, 20, 3), -np.log(np.arange(32) + 1.0), 20)


def test_a_narrow_cascade_on_a_small_genome_sees_the_level_above_and_both_strands():
    cascade = tiny_cascade().eval()
    offsets = cascade.ladder.offsets([3, 1])
    predicted = predict_ladder(cascade, TINY_CODES, offsets, TINY_BACKGROUNDS)
    assert predicted.shape == (3, 1, 8, 8)
    reverse = np.where(TINY_CODES < 4, 3 - TINY_CODES, 4)[::-1].astype(np.uint8)
    other = predict_ladder(cascade, reverse, cascade.ladder.mirrored(offsets), TINY_BACKGROUNDS)
    np.testing.assert_allclose(predicted, other[..., ::-1, ::-1], atol=1e-6)
    elsewhere = predict_ladder(cascade, TINY_CODES, cascade.ladder.offsets([2, 3]), TINY_BACKGROUNDS)
    np.testing.assert_array_equal(predicted[0], elsewhere[0])
    assert not np.allclose(predicted[2], elsewhere[2])


@torch.no_grad()
def test_windows_of_a_batch_may_lie_at_different_places():
    cascade = tiny_cascade().eval()
    codes = torch.from_numpy(np.stack([TINY_CODES, TINY_CODES[::-1].copy()]))
    encodings = cascade.encodings(codes)
    starts = np.stack([cascade.ladder.offsets([3, 1]), cascade.ladder.offsets([0, 4])])
    backgrounds = [torch.from_numpy(np.log(one)).float()[None, None] for one in TINY_BACKGROUNDS]
    together = cascade(encodings, starts, backgrounds)
    for k in range(2):
        alone = cascade({level: one[k : k + 1] for level, one in encodings.items()}, starts[k], backgrounds)
        for ours, theirs in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[k : k + 1], theirs, atol=1e-6, rtol=0)


def test_frozen_parts_stay_as_they_are_and_the_others_learn():
    cascade = tiny_cascade(frozen=("net0",)).train()
    assert [cascade.net0.training, cascade.net.training, cascade.decoders.training] == [False, True, True]
    before = {name: value.clone() for name, value in cascade.state_dict().items()}
    backgrounds = [torch.from_numpy(np.log(one)).float()[None, None] for one in TINY_BACKGROUNDS]
    contacts = cascade(
        cascade.encodings(torch.from_numpy(TINY_CODES)[None]), cascade.ladder.offsets([2, 2]), backgrounds
    )
    sum(one.square().mean() for one in contacts).backward()
    torch.optim.SGD([p for p in cascade.parameters() if p.requires_grad], 0.1).step()
    changed = {name.split(".")[0] for name, value in cascade.state_dict().items() if not value.equal(before[name])}
    assert changed == {"net", "decoders"}
    with pytest.raises(InputError, match="gradients stop"):
        cascade.freeze(["net"])


def test_encoding_in_blocks_is_that_of_the_whole_window():
    whole, blocks = tiny_cascade().eval(), tiny_cascade(block_bins=5).eval()
    codes = torch.from_numpy(TINY_CODES)[None]
    with torch.no_grad():
        for ours, theirs in zip(
            blocks.encodings(codes).values(), whole.encodings(one_hot(codes)).values(), strict=True
        ):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_several_outputs_side_by_side():
    narrow = {"channels": 4, "middle": 2, "dilations": (1, 2)}
    decoders = [Decoder(4, upsampling="nearest", outputs=7, **narrow) for _ in range(2)]
    net = CoarseningEncoder(1, channels=4, way_back=False)
    cascade = Cascade(Ladder.from_finest(8, 4, 2), Encoder((4,), (4,), 3), net, decoders).eval()
    assert decoders[0].final[0].out_channels == 7
    backgrounds = [np.random.default_rng(k).uniform(0.1, 1, (7, 8, 8)) for k in range(2)]
    assert predict_ladder(cascade, TINY_CODES[:64], np.zeros(2, int), backgrounds).shape == (2, 7, 8, 8)


def test_the_published_sizes():
    """Sums of the modules' parameters, spec: 25,173,651 and 22,459,860 with all parts of a model."""

    def count(cascade):
        return sum(parameter.numel() for parameter in cascade.parameters())

    with torch.device("meta"):
        smaller, larger = orca_cascade(250, 4000), orca_cascade(250, 128_000, coarse_steps=3)
    assert [count(smaller), count(larger)] == [25_173_651, 22_459_860]
    assert [smaller.ladder, larger.ladder] == [LADDER_32, LADDER_256]


def test_a_third_stage_starts_from_a_second_and_that_from_a_first():
    narrow = {key: value for key, value in NARROW.items() if key not in ("upsampling", "dilations_1m")}
    first = OrcaNet(**narrow, profiles=3)
    second, third = tiny_cascade(), tiny_cascade(coarse_steps=1, steps=2, frozen=("net0", "net"), **{"bin_size": 80})
    assert load_earlier_stage(second, first.state_dict(), "first") == ("net0",)
    assert load_earlier_stage(third, second.state_dict(), "second") == ("net0", "net")
    assert third.ladder.levels == (1280, 640)
    with torch.no_grad():
        sequence = torch.from_numpy(np.tile(TINY_CODES, 2))[None]
        expected = first.eval().encode(sequence)
        torch.testing.assert_close(third.eval().net0.encode(sequence), expected)
        torch.testing.assert_close(third.net(expected)[-1], second.eval().net(expected)[-1])
    with pytest.raises(InputError, match=r"lconv1.0.weight.*found 4 x 4 x 3"):
        load_earlier_stage(tiny_cascade(kernel_size=5), first.state_dict(), "first")


@pytest.mark.parametrize(
    ("options", "column"),
    [({"pools": (1, 10)}, "network.pools"), ({"upsampling": "cubic"}, "upsampling")],
)
def test_settings_that_do_not_fit_are_told(options, column):
    with pytest.raises(InputError, match=column):
        tiny_cascade(**options)
