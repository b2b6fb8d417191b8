"""Screens of contact maps: disrupted sites, inserted sequences, local re-encoding against full recomputation."""

import itertools

import numpy as np
import polars as pl
import pytest
from variant_toys import LENGTHS, write_toys

from cisflow.cli.main import main
from cisflow.contacts.intervals import Intervals
from cisflow.contacts.regions import Region
from cisflow.files import read_table
from cisflow.models.contact_predict import load_contact_model
from cisflow.models.local_encoding import LocalEncoder, dilate, runs
from cisflow.models.local_predict import LocalPredictor
from cisflow.parts import Parts
from cisflow.problems import InputError
from cisflow.randomness import generator
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.disruption_screen import Disruption, disrupt, passes, screen_disruptions, site_impacts, windows_of
from cisflow.variants.insertion_screen import Place, counted_columns, screen_insertions, window_start


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    bundles = write_toys(folder, ("one", "cascade"))
    expected = {"cascade": folder / "expected.npz"}
    return ContactInput(folder / "genome.fa", {name: [path] for name, path in bundles.items()}, expected)


@pytest.fixture(scope="module")
def models(toys):
    return {model.name: model for model in toys.load()[1]}


def test_runs_and_margins():
    marked = np.array([0, 1, 0, 0, 0, 1, 1, 0], dtype=bool)
    assert runs(marked) == [(1, 2), (5, 7)]
    assert runs(marked, gap=3) == [(1, 7)]
    assert np.flatnonzero(dilate(marked, 1)).tolist() == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("place", [0, 1270, 2549])
def test_a_changed_window_is_encoded_in_the_bins_that_see_the_change(models, place):
    """Equal to encoding everything; at the true ends of the window as well as inside."""
    network = models["cascade"].replicates[0].model.network
    rng = np.random.default_rng(place)
    codes = rng.integers(0, 4, 2560).astype(np.uint8)
    changed = codes.copy()
    changed[place : place + 11] = (changed[place : place + 11] + 1) % 4
    local, whole = LocalEncoder(network.net0), LocalEncoder(network.net0)
    local.encode(codes)
    found = local.encode(changed, remember=False)
    assert local.encoded_bins - 64 <= 2 * 5 + 2
    np.testing.assert_allclose(found.numpy(), whole.encode(changed).numpy(), atol=1e-5)
    # What was not remembered is not taken from later.
    assert local.encode(changed).shape == found.shape
    np.testing.assert_allclose(local.encode(codes).numpy(), whole.encode(codes).numpy(), atol=1e-5)


@pytest.mark.parametrize("start", [0, 1200, 2480])
def test_changes_of_one_stretch_are_computed_from_what_was_stored_once(models, start, monkeypatch):
    """No stage sees more than the change and its surroundings; equal to encoding everything."""
    encoder = models["cascade"].replicates[0].model.network.net0
    rng = np.random.default_rng(start)
    codes = rng.integers(0, 5, 2560).astype(np.uint8)
    local, whole = LocalEncoder(encoder), LocalEncoder(encoder, kept=0)
    local.encode(codes)
    seen, stage = [], encoder.stage
    monkeypatch.setattr(encoder, "stage", lambda signal, k: seen.append(signal.shape[-1]) or stage(signal, k))
    for again in range(3):
        changed = codes.copy()
        changed[start : start + 80] = (codes[start : start + 80] + 1 + again) % 5  # two bins
        found = local.encode(changed, remember=False)
        if again:
            # Stage 1: 80 bases and 8 positions of 5 bases on either side. Stage 2: the 24 positions of stage 1 that see
            # them lie in 3 or 4 bins, and 8 bins on either side.
            assert len(seen) == 2
            assert seen[0] <= 80 + 2 * 8 * 5
            assert seen[1] <= 8 * (4 + 2 * 8)
        seen.clear()
        np.testing.assert_allclose(found.numpy(), whole.encode(changed).numpy(), atol=1e-5)


def test_disrupted_bases_are_those_of_the_sites():
    codes = np.random.default_rng(0).integers(0, 4, 400).astype(np.uint8)
    starts, rng = np.array([20, 300]), np.random.default_rng(1)
    inside = np.zeros(400, dtype=bool)
    inside[20:30] = inside[300:310] = True
    for method in ("draw", "shuffle", "mask"):
        changed = disrupt(codes, starts, Disruption(10, method), rng)
        assert (changed[~inside] == codes[~inside]).all()
        assert (changed[inside] != codes[inside]).any()
    assert (disrupt(codes, starts, Disruption(10, "mask"), rng)[inside] == 4).all()
    shuffled = disrupt(codes, starts, Disruption(10, "shuffle"), rng)
    assert np.bincount(shuffled[20:30], minlength=4).tolist() == np.bincount(codes[20:30], minlength=4).tolist()
    with pytest.raises(InputError, match=r"(?s)rounds.*method|method.*rounds"):
        Disruption(method="swap", rounds=0)


def test_sites_disrupted_together_lie_in_different_blocks():
    found = list(passes(23, 4, np.random.default_rng(0)))
    assert sorted(np.concatenate(found).tolist()) == list(range(23))
    blocks = np.repeat(np.arange(4), [6, 6, 6, 5])
    assert all(len(set(blocks[chosen])) == len(chosen) for chosen in found)


def test_impact_of_a_site_is_that_of_predicting_it_alone(models):
    model = models["one"]
    (replicate,), rule = model.replicates, Disruption(10, "mask")
    codes = model.placer.fetch("chrA", 2000, 2640).copy()
    codes[105] = 4
    starts, counted = np.array([100, 330, 400]), np.arange(16) != 3
    found = site_impacts(replicate, codes, starts, np.array([0]), (40,), rule, [counted])
    changed = codes.copy()
    changed[330:340] = 4
    whole = replicate.model
    row = np.abs(whole.predict(changed) - whole.predict(codes))[335 // 40]
    assert found.shape == (1, 3)
    assert found[0, 1] == pytest.approx(row[counted].mean(), abs=1e-5)
    assert found[0, 0] == 0.0  # an unknown base in the site
    rounds = site_impacts(replicate, codes, starts, np.array([0]), (40,), Disruption(10, "draw", 3, 3), [counted])
    assert (rounds >= 0).all()
    assert np.isfinite(rounds).all()


def test_windows_cover_a_region_once():
    for region, length in ((Region("c", 0, 5000), 5000), (Region("c", 700, 3000), 6000), (Region("c", 10, 20), 640)):
        found = windows_of(region, 640, length, 10)
        parts = [(first, last) for _, first, last in found]
        assert parts[0][0] == region.start
        assert parts[-1][1] == region.end
        assert all(end == start for (_, end), (start, _) in itertools.pairwise(parts))
        assert all(0 <= start <= first and last <= start + 640 <= max(length, 640) for start, first, last in found)


def test_disruption_screen_continues_and_leaves_no_site_out(tmp_path, models):
    rule, regions = Disruption(20, "shuffle", 4), [Region("chrA", 900, 1700), Region("chrC", 0, 120)]

    def run(folder, stop=None):
        parts = Parts(tmp_path / folder, "key")
        if stop is not None:
            append = parts.append

            def failing(table, items):
                append(table, items)
                if parts.done == stop:
                    raise KeyboardInterrupt

            parts.append = failing
        return pl.concat(screen_disruptions([models["one"]], regions, rule, parts, Intervals({})))

    whole = run("whole")
    assert whole.filter(pl.col("chromosome") == "chrA")["start"].to_list() == list(range(900, 1700, 20))
    with pytest.raises(KeyboardInterrupt):
        run("killed", stop=1)
    assert run("killed").equals(whole)


def test_insertions_equal_the_full_recomputation(tmp_path, toys, models):
    rng = np.random.default_rng(3)
    sequences = [("a", rng.integers(0, 4, 130).astype(np.uint8)), ("b", rng.integers(0, 4, 70).astype(np.uint8))]
    places = [Place("chrA", 3011), Place("chrB", 5), Place("chrA", 5990)]
    excluded = Intervals({"chrA": np.array([[2000, 2041]])})
    (found,) = [pl.concat(screen_insertions([models["cascade"]], places, sequences, Parts(tmp_path, "k"), excluded))]
    assert found["status"].to_list() == ["predicted"] * 4 + ["sequence reaches beyond the window"] * 2
    model, placer = load_contact_model(toys.bundles["cascade"][0]), models["cascade"].placer
    ladder, expected = placer.ladder, placer.level_expected()
    for row in found.filter(pl.col("status") == "predicted").iter_rows(named=True):
        place = Place(row["chromosome"], row["position"])
        start = window_start(place, 2560, LENGTHS[place.chromosome], 40)
        codes = placer.fetch(place.chromosome, start, start + 2560)
        changed, bases = codes.copy(), dict(sequences)[row["sequence"]]
        changed[place.position - start :][: len(bases)] = bases
        offsets, trans = ladder.offsets([8, 8]), np.zeros(expected.shape, dtype=bool)
        before, after = (model.predict_levels(c, [offsets], [expected], [trans])[0, 0] for c in (codes, changed))
        counted = counted_columns(excluded, place.chromosome, start, ladder)
        change = (after - before)[(place.position - start) // 160, counted]
        assert row["activity"] == pytest.approx(np.abs(change).mean(), abs=1e-5)
        assert row["change"] == pytest.approx(change.mean(), abs=1e-5)
        assert row["activity"] > 1e-4


def test_forward_strand_alone(toys):
    model = load_contact_model(toys.bundles["one"][0])
    codes = generator(1, "codes").integers(0, 4, 640).astype(np.uint8)
    forward = LocalPredictor(model, forward_only=True).predict(codes, np.array([0]))
    np.testing.assert_allclose(forward[0], model._one_strand(codes), atol=1e-5)
    with pytest.raises(InputError, match="one level"):
        LocalPredictor(load_contact_model(toys.bundles["cascade"][0]), forward_only=True)


def test_screen_commands(tmp_path, toys, capsys):
    common = ["screen", "--genome", str(toys.genome), "--device", "cpu", "--output"]
    one, cascade = (f"{name}={toys.bundles[name][0]}" for name in ("one", "cascade"))
    impact, activity = str(tmp_path / "impact.tsv"), str(tmp_path / "activity.tsv")
    options = ["--region", "chrA:1000-1100", "--forward", "--bedgraph", str(tmp_path / "tracks")]
    figure = ["--figure", str(tmp_path / "impact.svg")]
    assert main([*common, impact, "--kind", "disruption", one, *options, *figure]) == 0
    assert len(read_table(impact)) == 10
    assert len((tmp_path / "tracks" / "one.640.bedGraph").read_text().splitlines()) == 10
    (tmp_path / "places.bed").write_text("chrA\t3000\t3001\n")
    (tmp_path / "sequences.fa").write_text(">x\n" + "ACGT" * 20 + "\n")
    files = ["--places", str(tmp_path / "places.bed"), "--sequences", str(tmp_path / "sequences.fa")]
    expected = ["--expected", str(toys.expected["cascade"]), "--figure", str(tmp_path / "activity.svg")]
    assert main([*common, activity, "--kind", "insertion", cascade, *files, *expected]) == 0
    assert read_table(activity)["status"].tolist() == ["predicted"]
    for name in ("impact", "activity"):
        assert (tmp_path / f"{name}.png").is_file()
    capsys.readouterr()
    assert main([*common, impact, "--kind", "disruption", one, "--region", "chrA:9-8", *files]) == 1
    told = capsys.readouterr().err
    assert "--region" in told
    assert "--places" in told
