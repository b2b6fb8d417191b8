"""Prepared maps: resolutions, names, weights, bad files; and real yeast maps from file to expected."""

import hashlib

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest

from cisflow.contacts.coolers import write_cooler, write_weights
from cisflow.contacts.expected import compute_expected
from cisflow.contacts.formats import list_resolutions, open_contacts
from cisflow.contacts.prepare import prepare_map
from cisflow.contacts.targets import ContactMap
from cisflow.problems import InputError

LENGTHS = {"chr1": 30_000, "chr2": 20_200, "chr3": 16_000, "chrU": 5000}
GENOME = {"chrI": 30_000, "chrII": 20_050, "chrIII": 16_000, "chrM": 70}
RENAME = "cooler_name\tgenome_name\nchr1\tchrI\nchr2\tchrII\nchr3\tchrIII\nchrU\t\n"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_pixels(n, seed=0):
    rng = np.random.default_rng(seed)
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    counts = np.triu(rng.poisson(40 / (distance + 1) + 2))
    i, j = np.nonzero(counts)
    return i, j, counts[i, j].astype(np.int32)


def write_genome(folder, lengths):
    (folder / "g.fa").write_text("".join(f">{name}\n{'A' * length}\n" for name, length in lengths.items()))


@pytest.fixture
def folder(tmp_path):
    """A map at 200 bp and 400 bp, a genome with other names, a rename table."""
    for size, mode in ((200, "w"), (400, "a")):
        bins = cooler.binnify(pd.Series(LENGTHS), size)
        write_cooler(tmp_path / "map.mcool", bins, [make_pixels(len(bins))], f"/resolutions/{size}", mode)
    (tmp_path / "g.fa").write_text(
        "".join(f">{name}\n{'ACGT' * (n // 4)}{'A' * (n % 4)}\n" for name, n in GENOME.items())
    )
    (tmp_path / "rename.tsv").write_text(RENAME)
    return tmp_path


def prepare(folder, source="map.mcool", resolution=200, rename="rename.tsv", **options):
    prepare_map(
        folder / source,
        folder / "g.fa",
        resolution,
        folder / "out" / "map.cool",
        folder / "out" / "quality.tsv",
        rename=folder / rename if rename else None,
        **{"validation": ["chrII"], "test": ["chrIII"]} | options,
    )
    return cooler.Cooler(str(folder / "out" / "map.cool"))


def test_renamed_dropped_and_balanced(folder):
    before = {path.name: digest(path) for path in folder.iterdir()}
    prepared = prepare(folder)
    original = cooler.Cooler(f"{folder / 'map.mcool'}::/resolutions/200")
    assert prepared.chromsizes.to_dict() == {"chrI": 30_000, "chrII": 20_050, "chrIII": 16_000}
    for new, old in (("chrI", "chr1"), ("chrII", "chr2"), ("chrIII", "chr3")):
        np.testing.assert_array_equal(
            prepared.matrix(balance=False).fetch(new, "chrII"), original.matrix(balance=False).fetch(old, "chr2")
        )
    weights, _ = cooler.balance_cooler(prepared)
    np.testing.assert_allclose(prepared.bins()["weight"][:], weights, rtol=1e-11)
    after = {path.name: digest(path) for path in folder.iterdir() if path.is_file()}
    assert after == before
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["map.cool", "quality.tsv"]


def test_quality_table(folder):
    prepared = prepare(folder)
    table = pd.read_csv(folder / "out" / "quality.tsv", sep="\t").set_index("chromosome")
    original = cooler.Cooler(f"{folder / 'map.mcool'}::/resolutions/200")
    kept = prepared.pixels(join=True)[:]
    cis = kept["chrom1"].astype(str) == kept["chrom2"].astype(str)
    overall = table.loc["all"]
    assert overall["contacts"] == kept["count"].sum()
    assert overall["cis_share"] == pytest.approx(kept.loc[cis, "count"].sum() / kept["count"].sum())
    assert overall["contacts_in_file"] == original.pixels()[:]["count"].sum() > overall["contacts"]
    assert overall["weights"] == "balanced here"
    assert overall["iterations"] > 1
    assert overall["variance"] < 1e-5
    assert table.loc["chrII", "bins"] == 101
    on_first = (kept["chrom1"] == "chrI") | (kept["chrom2"] == "chrI")
    assert table.loc["chrI", "contacts"] == kept.loc[on_first, "count"].sum()
    assert overall["masked_bins"] == np.isnan(prepared.bins()["weight"][:]).sum()


def test_last_bin_beyond_the_tolerance(folder):
    write_genome(folder, GENOME | {"chrII": 19_900})
    with pytest.raises(InputError, match="chr2 has 20,200 bp, chrII of the genome 19,900 bp: 300 bp apart"):
        prepare(folder)
    # Accepted with a tolerance: the genome ends in an earlier bin, so the length of the map stays.
    assert prepare(folder, length_tolerance=300).chromsizes["chrII"] == 20_200


def test_same_input_same_bytes(folder):
    prepare(folder)
    first = digest(folder / "out" / "map.cool"), digest(folder / "out" / "quality.tsv")
    prepare(folder)
    assert (digest(folder / "out" / "map.cool"), digest(folder / "out" / "quality.tsv")) == first


def test_bins_are_summed_from_the_base_even_where_coarser_ones_are_there(folder):
    fine = cooler.Cooler(f"{folder / 'map.mcool'}::/resolutions/200").matrix(balance=False).fetch("chr1", "chr3")
    coarse = fine.reshape(75, 2, 40, 2).sum(axis=(1, 3))
    assert (prepare(folder, resolution=400).matrix(balance=False).fetch("chrI", "chrIII") != coarse).any()
    prepared = prepare(folder, resolution=400, base_resolution=200)
    np.testing.assert_array_equal(prepared.matrix(balance=False).fetch("chrI", "chrIII"), coarse)
    assert open_contacts(folder / "map.mcool").choose(800, base=200) == (200, 4)
    with pytest.raises(InputError, match="no bins of 100 bp; there are 200, 400"):
        prepare(folder, resolution=400, base_resolution=100)
    with pytest.raises(InputError, match="400 bp do not divide 600 bp"):
        prepare(folder, resolution=600, base_resolution=400)


@pytest.mark.parametrize(("resolution", "base", "factor"), [(400, 400, 1), (800, 400, 2), (600, 200, 3)])
def test_resolution_is_taken_or_summed(folder, resolution, base, factor):
    contacts = open_contacts(folder / "map.mcool")
    assert contacts.choose(resolution) == (base, factor)
    assert contacts.addresses[base] == f"{folder / 'map.mcool'}::/resolutions/{base}"
    prepared = prepare(folder, resolution=resolution)
    fine = cooler.Cooler(f"{folder / 'map.mcool'}::/resolutions/{base}").matrix(balance=False).fetch("chr1", "chr3")
    rows, columns = (np.arange(n) // factor for n in fine.shape)
    coarse = np.zeros((rows[-1] + 1, columns[-1] + 1))
    np.add.at(coarse, (rows[:, None], columns), fine)
    np.testing.assert_array_equal(prepared.matrix(balance=False).fetch("chrI", "chrIII"), coarse)


def test_missing_resolution_lists_what_is_there(folder):
    with pytest.raises(InputError, match='column "resolution": no resolution divides 300 bp; there are 200, 400 bp'):
        prepare(folder, resolution=300)


def test_old_layout_without_format(folder):
    with h5py.File(folder / "map.mcool", "r+") as handle:
        for zoom, size in enumerate((400, 200)):
            handle.move(f"resolutions/{size}", str(zoom))
            for key in ("format", "format-version", "format-url"):
                del handle[str(zoom)].attrs[key]
        del handle["resolutions"]
    assert list_resolutions(folder / "map.mcool") == {
        200: f"{folder / 'map.mcool'}::/1",
        400: f"{folder / 'map.mcool'}::/0",
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.cool", None, "file not found"),
        ("text.cool", b"chr1\t0\t10\n", "expected .cool, .mcool, .hic, or .pairs"),
    ],
)
def test_no_cooler(folder, name, content, message):
    if content:
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        prepare(folder, source=name)
    with h5py.File(folder / "empty.cool", "w") as handle:
        handle.create_group("bins")
    with pytest.raises(InputError, match="holds no cooler"):
        list_resolutions(folder / "empty.cool")


def write_map(folder, name, counts=None, order=None):
    bins = cooler.binnify(pd.Series(LENGTHS), 200)
    i, j, count = make_pixels(len(bins))
    write_cooler(folder / name, bins, [(i, j, count)])
    with h5py.File(folder / name, "r+") as handle:
        if counts is not None:
            del handle["pixels/count"]
            handle["pixels/count"] = counts(count)
        if order is not None:
            columns = handle["pixels/bin2_id"][:]
            columns[:2] = columns[:2][::-1]
            handle["pixels/bin2_id"][:] = columns


def test_counts_that_are_not_raw(folder):
    write_map(folder, "normalised.cool", counts=lambda count: count * 0.5)
    with pytest.raises(InputError, match=r"a count is \d*\.5; expected raw counts"):
        prepare(folder, "normalised.cool")
    assert not (folder / "out" / "map.cool").exists()
    write_map(folder, "negative.cool", counts=lambda count: -count)
    with pytest.raises(InputError, match="a count is -"):
        prepare(folder, "negative.cool")
    write_map(folder, "whole.cool", counts=lambda count: count.astype(float))
    assert prepare(folder, "whole.cool").pixels()[:]["count"].dtype == np.int32


def test_unsorted_pixels(folder):
    write_map(folder, "unsorted.cool", order="swapped")
    with pytest.raises(InputError, match="not a sorted upper triangle"):
        prepare(folder, "unsorted.cool")


def test_weights_of_the_file_are_kept_when_complete(folder):
    n_bins = [-(-length // 200) for length in LENGTHS.values()]
    weights = np.random.default_rng(1).uniform(0.01, 0.02, sum(n_bins))
    weights[5] = np.nan
    write_map(folder, "weighted.cool")
    write_weights(folder / "weighted.cool", weights, {})
    prepared = prepare(folder, "weighted.cool")
    np.testing.assert_array_equal(prepared.bins()["weight"][:], weights[: sum(n_bins[:3])])
    overall = pd.read_csv(folder / "out" / "quality.tsv", sep="\t").iloc[-1]
    assert overall["weights"] == "of the file"
    assert np.isnan(overall["iterations"])

    weights[n_bins[0] : n_bins[0] + n_bins[1]] = np.nan
    write_map(folder, "holed.cool")
    write_weights(folder / "holed.cool", weights, {})
    prepared = prepare(folder, "holed.cool")
    assert pd.read_csv(folder / "out" / "quality.tsv", sep="\t").iloc[-1]["weights"] == "balanced here"
    assert np.isfinite(prepared.bins()["weight"].fetch("chrII")).any()


def test_names_and_held_out_are_checked_first(folder):
    with pytest.raises(InputError, match="'chrU' is no chromosome of the genome"):
        prepare(folder, rename=None)
    with pytest.raises(InputError, match="'chrIX' is not in the map"):
        prepare(folder, test=["chrIX"])
    assert not (folder / "out").exists()


def test_yeast_from_file_to_target(shared_data, tmp_path):
    rename = tmp_path / "rename.tsv"
    roman = {2: "II", 3: "III", 6: "VI", 8: "VIII", 9: "IX", 11: "XI", 14: "XIV", 16: "XVI"}
    rename.write_text("cooler_name\tgenome_name\n" + "".join(f"chr{k}\tchr{v}\n" for k, v in roman.items()))
    source = shared_data / "hic" / "scer_w303_g1_2kb.chr2_3_6_8_9_11_14_16.cool"
    genome = shared_data / "genome" / "sacCer3.fa.gz"
    before = digest(source), sorted(source.parent.iterdir()), sorted(genome.parent.iterdir())
    prepare_map(source, genome, 2000, tmp_path / "map.cool", tmp_path / "q.tsv", rename, 0, ["chrIX"], ["chrXIV"])
    assert (digest(source), sorted(source.parent.iterdir()), sorted(genome.parent.iterdir())) == before
    quality = pd.read_csv(tmp_path / "q.tsv", sep="\t").iloc[-1]
    assert quality["contacts"] == quality["contacts_in_file"] == 1_420_454
    assert (quality["bins"], quality["masked_bins"], quality["weights"]) == (2406, 141, "of the file")
    compute_expected(*(tmp_path / name for name in ("map.cool", "e.npz", "law.tsv", "by.tsv")))
    contacts = ContactMap(tmp_path / "map.cool", tmp_path / "e.npz")
    assert contacts.chromosomes["chrXVI"] == 948_066
    target = contacts.window_target("chrII", 200_000, 128, 1)
    assert 0 < np.isnan(target).mean() < 0.3
    assert abs(np.nanmean(target)) < 0.3
    law = pd.read_csv(tmp_path / "law.tsv", sep="\t").query("10_000 <= distance_bp <= 100_000")
    slope = np.polyfit(np.log(law["distance_bp"]), np.log(law["expected"]), 1)[0]
    assert -1.6 < slope < -1.0


def test_yeast_with_repeated_differences_in_length(shared_data, tmp_path):
    source, genome = shared_data / "hic" / "yeast.10kb.cool", shared_data / "genome" / "sacCer3.fa.gz"
    arguments = (source, genome, 20_000, tmp_path / "map.cool", tmp_path / "q.tsv")
    with pytest.raises(InputError) as error:
        prepare_map(*arguments, validation=["chrIX"], test=["chrXIV"])
    message = str(error.value)
    assert "17 problems" in message
    assert "chrVII has 1,090,929 bp, chrVII of the genome 1,090,940 bp: 11 bp apart, length_tolerance is 0" in message
    assert "\nchrMito\tchrM\n" in message
    assert "\nchr2-micron\t" in message
    (tmp_path / "rename.tsv").write_text("cooler_name\tgenome_name\nchrMito\tchrM\nchr2-micron\t\n")
    prepare_map(*arguments, tmp_path / "rename.tsv", 11, ["chrIX"], ["chrXIV"])
    prepared = cooler.Cooler(str(tmp_path / "map.cool"))
    assert prepared.chromsizes["chrVII"] == 1_090_940
    assert "chr2-micron" not in prepared.chromnames
    assert pd.read_csv(tmp_path / "q.tsv", sep="\t").iloc[-1]["weights"] == "balanced here"


def test_real_mcool(shared_data):
    path = shared_data / "hic" / "dm3_multi_small_test_matrix.mcool"
    assert list(list_resolutions(path)) == [5000, 10_000, 20_000]
    contacts = open_contacts(path)
    assert contacts.choose(30_000) == (10_000, 3)
    assert contacts.addresses[10_000] == f"{path}::/resolutions/10000"
