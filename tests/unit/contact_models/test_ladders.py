"""Sequence and contacts of long windows and of assemblies at all levels of a cascade."""

import cooler
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_map import LENGTHS, RESOLUTION, write_small_map

from cisflow.contacts.assembly import AssemblySampler, Layout
from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.genome import UNKNOWN, Genome, reverse_complement
from cisflow.contacts.ladder import LadderReader, assembled_map
from cisflow.contacts.targets import ContactMap, flat_block_mean, log_target, nested_block_mean
from cisflow.contacts.windows import Segment, draw_zoom
from cisflow.models.cascade_zoom import Ladder
from cisflow.problems import InputError

LADDER = Ladder.from_finest(8, 200, 3)  # 1.6, 3.2 and 6.4 kb
SEGMENTS = (
    Segment("chrB", 400, 2000, 7, True),
    Segment("chrA", 3000, 1500, -9),
    Segment("chrB", 1200, 1800, 0),  # overlaps the first
    Segment("chrC", 0, 1100, 2, True),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("small_map")
    write_small_map(made)
    return made


@pytest.fixture(scope="module")
def contact_map(folder):
    return ContactMap(folder / "map.cool", folder / "expected.npz")


@pytest.fixture(scope="module")
def readers(folder, contact_map):
    genome = Genome(folder / "genome.fa")
    return {assembled: LadderReader(contact_map, genome, LADDER, assembled) for assembled in (False, True)}


def turned(segments):
    """The same input from its other end."""
    return tuple(Segment(s.chromosome, s.start, s.length, s.shift, not s.reverse) for s in reversed(segments))


def test_every_pair_of_segments_is_coarse_grained_by_itself_and_turned(folder, contact_map):
    layout = Layout.of(SEGMENTS, RESOLUTION)
    found = assembled_map(contact_map, layout)
    clr = cooler.Cooler(str(folder / "map.cool"))
    counts, balanced = clr.matrix(balance=False)[:], clr.matrix(balance=True)[:]
    edges = np.cumsum([0, *(s.length // RESOLUTION for s in SEGMENTS)])
    first = {name: clr.offset(name) for name in LENGTHS}
    for a, one in enumerate(SEGMENTS):
        for b, other in enumerate(SEGMENTS):
            rows = slice(
                first[one.chromosome] + one.start // 100, first[one.chromosome] + (one.start + one.length) // 100
            )
            columns = slice(
                first[other.chromosome] + other.start // 100,
                first[other.chromosome] + (other.start + other.length) // 100,
            )
            expected = adaptive_coarsegrain(balanced[rows, columns], counts[rows, columns], 5)
            expected = expected[:: -1 if one.reverse else 1, :: -1 if other.reverse else 1]
            block = found[edges[a] : edges[a + 1], edges[b] : edges[b + 1]]
            np.testing.assert_allclose(block, expected, rtol=1e-6)
    assert np.array_equal(found, found.T, equal_nan=True)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(deadline=None, max_examples=25)
def test_the_other_strand_is_the_mirror_image_at_every_level(readers, seed, assembled):
    reader, rng = readers[assembled], np.random.default_rng(seed)
    if assembled:
        segments = AssemblySampler(LENGTHS, LADDER.length, RESOLUTION, 30).draw(rng)
    else:
        segments = [Segment("chrA", 100 * int(rng.integers(0, 26)), LADDER.length, int(rng.integers(-30, 30)))]
    offsets = draw_zoom(rng, LADDER)
    one, other = reader.read(segments, offsets), reader.read(turned(segments), LADDER.mirrored(offsets))
    assert np.array_equal(reader.codes(turned(segments)), reverse_complement(reader.codes(segments)))
    for name in ("observed", "expected", "missing", "target"):
        flipped = getattr(other, name)[:, ::-1, ::-1]
        np.testing.assert_allclose(getattr(one, name), flipped, rtol=2e-6, atol=2e-6, err_msg=name)
    assert np.array_equal(one.trans, other.trans[:, ::-1, ::-1])


def test_levels_of_a_window_are_its_parts(readers, contact_map):
    reader = readers[False]
    offsets = LADDER.offsets([2, 3])
    data = reader.read([Segment("chrA", 1000, 6400)], offsets)
    fine = contact_map.smoothed("chrA", 1000, 64).dense()
    for k, (first, factor) in enumerate(((0, 8), (16, 4), (28, 2))):
        part = fine[first : first + 8 * factor, first : first + 8 * factor]
        np.testing.assert_allclose(data.observed[k], nested_block_mean(part, factor), rtol=1e-6)
        background = contact_map.background(8 * factor, factor)
        np.testing.assert_allclose(data.expected[k], background, rtol=1e-12)
        np.testing.assert_allclose(data.target[k], log_target(part, background, factor), rtol=1e-4, atol=1e-5)
        measured = np.isfinite(part)
        share = 1 - measured.reshape(8, factor, 8, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(data.missing[k], share, atol=1e-6)
    assert not data.trans.any()
    assert np.isfinite(data.target).any()


def test_levels_of_an_assembly_use_the_monotone_curve_and_flat_means(readers, contact_map):
    data = readers[True].read(SEGMENTS, LADDER.offsets([1, 0]))
    assert data.trans.any()
    assert np.isclose(data.expected[data.trans], np.exp(contact_map.log_trans), rtol=1e-12).all()
    one = readers[True].read([Segment("chrA", 0, 6400)], LADDER.offsets([0, 0]))
    curve = np.exp(contact_map.monotone)
    assert one.expected[2, 0, 0] == pytest.approx((2 * curve[0] + 2 * curve[1]) / 4)


def test_flat_and_nested_means_agree_without_single_missing_entries():
    rng = np.random.default_rng(0)
    values = rng.random((12, 12)).astype(np.float32)
    values[3] = values[:, 3] = np.nan
    np.testing.assert_allclose(flat_block_mean(values, 4), nested_block_mean(values, 4), rtol=1e-6)
    values[0, 1] = np.nan
    blocks = values.reshape(3, 4, 3, 4).transpose(0, 2, 1, 3).reshape(3, 3, 16)
    np.testing.assert_allclose(flat_block_mean(values, 4), np.nanmean(blocks, axis=2), rtol=1e-6)
    assert flat_block_mean(values, 4)[0, 0] != pytest.approx(nested_block_mean(values, 4)[0, 0], rel=1e-4)


def test_missing_share_of_an_input_is_that_of_its_pixels(readers, contact_map):
    reader = readers[True]
    fine = assembled_map(contact_map, Layout.of(SEGMENTS, RESOLUTION))
    assert reader.missing_share(SEGMENTS) == pytest.approx(np.isnan(fine).mean())
    with pytest.raises(InputError, match="1000 random inputs in a row have more than 1% missing pixels"):
        reader.draw(lambda rng: SEGMENTS, np.random.default_rng(0), 0.01)


def test_sequence_beyond_the_chromosome_is_unknown(readers):
    codes = readers[True].codes([Segment("chrC", 0, 400, -30), Segment("chrC", 2800, 400, 25, True)])
    assert (codes[:30] == UNKNOWN).all()
    assert (codes[30:400] != UNKNOWN).all()
    assert (codes[400:425] == UNKNOWN).all()
    assert (codes[425:] != UNKNOWN).all()


def test_wrong_shapes_are_told(folder, contact_map, readers):
    with pytest.raises(InputError, match="150 bp is no multiple of the map's resolution, 100 bp"):
        LadderReader(contact_map, Genome(folder / "genome.fa"), Ladder.from_finest(8, 150, 2))
    with pytest.raises(InputError, match="expected contacts reach"):
        LadderReader(contact_map, Genome(folder / "genome.fa"), Ladder.from_finest(8, 400, 4))
    with pytest.raises(ValueError, match="an input of 3,200 bp; expected 6,400 bp"):
        readers[True].read([Segment("chrC", 0, 3200)], LADDER.offsets([0, 0]))
