"""Exported contact maps: what cooler and cooltools read, where bins lie, and the command."""

import cooler
import h5py
import numpy as np
import pytest
from cooltools import expected_cis
from predicted_toys import BINS, LEVELS, SIZES, made_up, save

from cisflow.cli.main import main
from cisflow.contacts.targets import log_target
from cisflow.evaluation.contact_export import pixel_values, write_arrays, write_maps
from cisflow.evaluation.contact_predictions import read_predicted_maps
from cisflow.problems import InputError

LENGTHS = {"chr1": 5_000, "chr9": 60_050, "chr10": 50_000}
STEP = 9_600  # windows start on the grid of every level and do not overlap


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    found = made_up(windows=4, step=STEP) | {"start": None}
    found["start"] = np.array([0, STEP, 0, STEP])[:, None] + np.zeros(len(LEVELS), dtype=np.int64)
    paths = save(folder, model=found, aside=found | {"start": found["start"] + 150})
    return folder, paths


def window_of(path, chromosome, start, length, balance):
    return cooler.Cooler(path).matrix(balance=balance).fetch(f"{chromosome}:{start}-{start + length}")


@pytest.mark.parametrize("observed", [False, True])
def test_every_level_comes_back_as_it_was_written(files, observed):
    folder, paths = files
    found = read_predicted_maps(paths["model"])
    path = folder / f"maps{observed}.mcool"
    write_maps(path, found, [0, 1, 2, 3], LENGTHS, "toy", observed)
    assert set(cooler.fileops.list_coolers(str(path))) == {f"/resolutions/{size}" for size in SIZES}
    assert cooler.fileops.is_multires_file(str(path))
    for level, size in enumerate(SIZES):
        uri = f"{path}::/resolutions/{size}"
        assert cooler.Cooler(uri).chromsizes.to_dict() == LENGTHS
        assert cooler.Cooler(uri).binsize == size
        for window in range(4):
            log_ratio = found.measured(level)[window] if observed else found.mean()[window, level]
            contacts = np.exp(log_ratio) * found.expected(window, level)
            place = (found.chromosome[window], int(found.start[window, level]), int(LEVELS[level]))
            balanced, raw = window_of(uri, *place, True), window_of(uri, *place, False)
            np.testing.assert_allclose(raw, np.nan_to_num(contacts), rtol=1e-6)
            known = np.isfinite(contacts)
            np.testing.assert_allclose(balanced[known], contacts[known], rtol=1e-6)


def test_bins_outside_the_windows_have_no_weight(files):
    folder, paths = files
    found = read_predicted_maps(paths["model"])
    write_maps(folder / "one.cool", found, [1], LENGTHS, "toy", level=2)
    clr = cooler.Cooler(str(folder / "one.cool"))
    bins = clr.bins()[:]
    inside = (bins["chrom"] == "chr9") & (bins["start"] >= STEP) & (bins["end"] <= STEP + LEVELS[2])
    assert inside.sum() == BINS
    assert (bins["windows"] == inside.astype(int)).all()
    assert (np.isfinite(bins["weight"]) == inside).all()
    assert clr.info["metadata"]["displacement_bp"] == 0
    assert clr.info["metadata"]["windows"] == [f"chr9:{STEP}"]
    law = expected_cis(clr, ignore_diags=0, smooth=False)
    law = law[law["region1"] == "chr9"].set_index("dist")
    contacts = np.exp(found.mean()[1, 2]) * found.expected(1, 2)
    for distance in (0, 5, BINS - 1):
        assert law.loc[distance, "balanced.avg"] == pytest.approx(np.diagonal(contacts, distance).mean(), rel=1e-6)


def test_overlapping_windows_are_averaged_and_maps_off_the_grid_displaced(files):
    folder, paths = files
    found = read_predicted_maps(paths["aside"])
    write_maps(folder / "aside.mcool", found, [0], LENGTHS, "toy", values="ratio")
    coarse = cooler.Cooler(f"{folder / 'aside.mcool'}::/resolutions/{SIZES[0]}")
    assert coarse.info["metadata"]["displacement_bp"] == 150
    bins = coarse.bins()[:]
    assert bins[bins["windows"] > 0]["start"].iloc[0] == 0
    fine = cooler.Cooler(f"{folder / 'aside.mcool'}::/resolutions/{SIZES[2]}")
    assert fine.info["metadata"]["displacement_bp"] == 50
    both = read_predicted_maps(paths["model"])
    twice = [0, 0, 1]
    write_maps(folder / "twice.cool", both, twice, LENGTHS, "toy", values="ratio", level=0)
    ratio = window_of(str(folder / "twice.cool"), "chr9", 0, int(LEVELS[0]), False)
    np.testing.assert_allclose(ratio, np.exp(both.mean()[0, 0]), rtol=1e-6)
    assert cooler.Cooler(str(folder / "twice.cool")).bins()[:]["windows"].max() == 2


def test_bins_of_assemblies_go_where_their_segments_lie(tmp_path):
    found = made_up(windows=2, kind="trans")
    far = np.arange(BINS) >= 16
    names, start = np.where(far, "chr10", "chr9"), np.where(far, 30_000 - 400 * np.arange(BINS), 400 * np.arange(BINS))
    found["bin_chromosome"] = np.broadcast_to(names, found["observed"].shape[:-1])
    found["bin_start"] = np.broadcast_to(start, found["observed"].shape[:-1])
    found["log_background"] = np.zeros(found["observed"].shape, dtype=np.float32)
    path = save(tmp_path, model=found)["model"]
    one = read_predicted_maps(path)
    write_maps(tmp_path / "trans.cool", one, [0], LENGTHS, "toy", level=0)
    clr = cooler.Cooler(str(tmp_path / "trans.cool"))
    between = clr.matrix(balance=False).fetch("chr9:0-6400", f"chr10:{30_000 - 400 * 23}-{30_000 - 400 * 16 + 400}")
    np.testing.assert_allclose(between, np.exp(one.mean()[0, 0])[:16, :15:-1], rtol=1e-6)


def test_inverse_gives_back_what_the_target_was_made_of():
    expected = 1.0 / (1.0 + np.abs(np.arange(12)[:, None] - np.arange(12)))
    contacts = expected * np.random.default_rng(0).gamma(1.0, 1.0, expected.shape)
    log_ratio = log_target(contacts, expected, 1)
    np.testing.assert_allclose(pixel_values(log_ratio, expected, "inverse"), contacts)
    np.testing.assert_allclose(pixel_values(log_ratio, expected), np.exp(log_ratio) * expected)
    assert (pixel_values(log_ratio - 9, expected, "inverse") >= 0).all()


def test_arrays_hold_every_matrix(files, tmp_path):
    _folder, paths = files
    found = read_predicted_maps(paths["model"])
    write_arrays(tmp_path / "a.npz", found, {"best": 2, "chr9_0_9600": 0})
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["window"].tolist() == ["best", "chr9_0_9600"]
        np.testing.assert_allclose(arrays["log_ratio"], found.mean()[[2, 0]], rtol=1e-6)
        np.testing.assert_allclose(arrays["expected"][1, 2], found.expected(0, 2))
        assert arrays["start"].tolist() == found.start[[2, 0]].tolist()


def test_the_command_and_what_it_refuses(files, tmp_path, capsys):
    folder, paths = files
    write_maps(folder / "map.cool", read_predicted_maps(paths["model"]), [0], LENGTHS, "toy")
    options = ["export-contacts", str(paths["model"]), "--map", str(folder / "map.cool")]
    options += ["--output", str(tmp_path / "o.mcool")]
    assert main([*options, "--windows", "chr9:9600-12000", "--arrays", str(tmp_path / "o.npz")]) == 0
    with h5py.File(tmp_path / "o.mcool") as handle:
        assert handle.attrs["format"] == "HDF5::MCOOL"
    bins = cooler.Cooler(f"{tmp_path / 'o.mcool'}::/resolutions/100").bins()[:]
    assert bins[bins["windows"] > 0]["start"].iloc[0] == STEP
    assert main([*options, "--windows", "chr9", "best"]) == 1
    assert "need --scores" in capsys.readouterr().err
    assert main([*options, "--windows", "chr9"]) == 1
    assert "expected chromosome:start-end" in capsys.readouterr().err
    assert main([*options, "--level", "7"]) == 1
    assert "levels of 9600, 4800, 2400 bp" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"expected the suffix \.cool or \.mcool"):
        write_maps(tmp_path / "a.h5", read_predicted_maps(paths["model"]), [0], LENGTHS, "toy")
    with pytest.raises(InputError, match="'chr9' is not one of: chr1"):
        write_maps(tmp_path / "a.cool", read_predicted_maps(paths["model"]), [0], {"chr1": 5}, "t")
