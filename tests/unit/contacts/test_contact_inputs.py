"""Maps from .hic files and lists of pairs are those of the cooler with the same contacts; weights of the file.

What imports hictkpy runs in a process of its own (``child``): see :mod:`cisflow.contacts.hic_header`.
"""

import gzip
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest
from hic_norms import add_normalisation

from cisflow.contacts import pairs as pairs_module
from cisflow.contacts.coolers import write_cooler
from cisflow.contacts.formats import open_contacts
from cisflow.contacts.hic_files import read_hic_pixels
from cisflow.contacts.pairs import bin_pairs
from cisflow.contacts.prepare import prepare_map
from cisflow.problems import InputError

LENGTHS = {"chr1": 30_000, "chr2": 20_100, "chr3": 16_000}
GENOME = {"I": 30_000, "II": 20_100, "III": 16_000}
RENAME = "cooler_name\tgenome_name\nchr1\tI\nchr2\tII\nchr3\tIII\n"


@pytest.fixture(scope="module")
def pixels():
    """Pixels at 200 bp."""
    rng = np.random.default_rng(2)
    n = sum(-(-length // 200) for length in LENGTHS.values())
    counts = np.triu(rng.poisson(40 / (np.abs(np.subtract.outer(np.arange(n), np.arange(n))) + 1) + 0.3))
    i, j = np.nonzero(counts)
    return i, j, counts[i, j].astype(np.int32)


def write_pairs(path, pixels, seed=0, header=""):
    """A pair for every contact, at random places of its bins, sides and lines in random order, some not mapped."""
    rng = np.random.default_rng(seed)
    bins = cooler.binnify(pd.Series(LENGTHS), 200)
    i, j = (np.repeat(side, pixels[2]) for side in pixels[:2])
    flip = rng.random(len(i)) < 0.5
    i, j = np.where(flip, j, i), np.where(flip, i, j)
    names, starts = bins["chrom"].astype(str).to_numpy(), bins["start"].to_numpy()
    widths = (bins["end"] - bins["start"]).to_numpy()
    lines = [
        f"r{k}\t{names[a]}\t{starts[a] + 1 + x}\t{names[b]}\t{starts[b] + 1 + y}\t+\t-\tUU"
        for k, (a, b, x, y) in enumerate(zip(i, j, *(rng.integers(0, widths[side]) for side in (i, j)), strict=True))
    ]
    lines += ["r\t!\t0\tchr1\t5\t-\t+\tNU"] * 3
    rng.shuffle(lines)
    sizes = "".join(f"#chromsize: {name} {length}\n" for name, length in LENGTHS.items())
    columns = "#columns: readID chr1 pos1 chr2 pos2 strand1 strand2 pair_type\n"
    text = f"## pairs format v1.0\n#sorted: none\n{sizes}{columns}{header}" + "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture(scope="module")
def child():
    """Calls a function in a process that may import hictkpy."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()
    assert "hictkpy" not in sys.modules


def write_hic(path, pixels):
    import hictkpy

    writer = hictkpy.hic.FileWriter(path, LENGTHS, [200, 400])
    writer.add_pixels(pd.DataFrame(dict(zip(("bin1_id", "bin2_id", "count"), pixels, strict=True))))
    writer.finalize()


def hic_blocks(path, resolution, wanted):
    return list(read_hic_pixels(path, resolution, wanted))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pixels, child):
    """The same contacts as .cool, .hic (200 and 400 bp) and .pairs; genome and rename table."""
    folder = tmp_path_factory.mktemp("inputs")
    write_cooler(folder / "map.cool", cooler.binnify(pd.Series(LENGTHS), 200), [pixels])
    child(write_hic, folder / "map.hic", pixels)
    write_pairs(folder / "map.pairs", pixels)
    (folder / "g.fa").write_text("".join(f">{name}\n{'ACGT' * (n // 4)}\n" for name, n in GENOME.items()))
    (folder / "rename.tsv").write_text(RENAME)
    return folder


def prepare(folder, out, source, resolution=200, **options):
    files = [folder / name for name in source] if isinstance(source, list) else folder / source
    prepare_map(
        files,
        folder / "g.fa",
        resolution,
        out / "map.cool",
        out / "quality.tsv",
        **{"rename": folder / "rename.tsv", "validation": ["II"], "test": ["III"]} | options,
    )
    return cooler.Cooler(str(out / "map.cool"))


def prepare_from_hic(folder, out, resolution, weights=None):
    """As :func:`prepare`; returns nothing that could not be sent between processes."""
    prepare(folder, out, "map.hic", resolution, weights=weights)


def assert_same_map(one, other):
    pd.testing.assert_frame_equal(one.pixels()[:], other.pixels()[:])
    pd.testing.assert_frame_equal(one.bins()[:], other.bins()[:])


@pytest.mark.parametrize(("source", "resolution"), [("map.hic", 200), ("map.hic", 800), ("map.pairs", 200)])
def test_any_format_gives_the_same_map(folder, tmp_path, child, source, resolution):
    expected = prepare(folder, tmp_path / "a", "map.cool", resolution)
    if source == "map.hic":
        child(prepare_from_hic, folder, tmp_path / "b", resolution)
    else:
        prepare(folder, tmp_path / "b", source, resolution)
    assert_same_map(cooler.Cooler(str(tmp_path / "b" / "map.cool")), expected)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["map.cool", "quality.tsv"]


@pytest.mark.parametrize("wanted", [1, 500, 1 << 22])
def test_hic_pixels_in_blocks_are_sorted(folder, pixels, child, wanted):
    blocks = child(hic_blocks, folder / "map.hic", 200, wanted)
    assert (len(blocks) > 10) == (wanted < 1000)
    for column, expected in enumerate(pixels):
        np.testing.assert_array_equal(np.concatenate([block[column] for block in blocks]), expected)


def test_names_of_a_hic_file_and_of_pairs_are_checked(folder, tmp_path):
    for source in ("map.hic", "map.pairs"):
        with pytest.raises(InputError) as error:
            prepare(folder, tmp_path, source, rename=None)
        assert "'chr1' is no chromosome of the genome" in str(error.value)
        assert "cooler_name\tgenome_name\nchr1\tI\nchr2\tII\nchr3\tIII" in str(error.value)
    assert open_contacts(folder / "map.hic").choose(1000) == (200, 5)
    with pytest.raises(InputError, match="no resolution divides 300 bp; there are 200, 400 bp"):
        prepare(folder, tmp_path, "map.hic", 300)


def test_looking_into_a_hic_file_leaves_no_thread_behind(folder):
    """The process that plans a run lives as long as the run."""
    program = (
        "import sys, cisflow.contacts.input_checks, cisflow.contacts.prepare, cisflow.contacts.weights\n"
        "from cisflow.contacts.formats import open_contacts\n"
        "file = open_contacts(sys.argv[1])\n"
        "assert file.chromosomes(400)['chr2'] == 20_100 and file.weights(200) == []\n"
        "assert 'hictkpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(folder / "map.hic")], check=True)


def test_broken_hic(tmp_path):
    (tmp_path / "x.hic").write_bytes(b"HIC\0" + bytes(50))
    with pytest.raises(InputError, match=r"cannot be read as a \.hic file"):
        open_contacts(tmp_path / "x.hic")


@pytest.mark.parametrize(("text", "memory_mb"), [(1 << 24, 100), (1 << 18, 0), (1 << 16, 0)])
def test_pairs_are_streamed(folder, tmp_path, pixels, monkeypatch, text, memory_mb):
    monkeypatch.setattr(pairs_module, "TEXT", text)
    write_pairs(tmp_path / "b.pairs.gz", pixels, 1, header="#comment: " + "x" * 900 + "\n")
    found, unmapped = bin_pairs([folder / "map.pairs", tmp_path / "b.pairs.gz"], 200, memory_mb, tmp_path)
    blocks = list(found)
    assert unmapped == 6
    assert (len(list(tmp_path.glob("pairs*.npy"))) > 3) == (memory_mb == 0)
    for column, expected in enumerate((*pixels[:2], 2 * pixels[2])):
        np.testing.assert_array_equal(np.concatenate([block[column] for block in blocks]), expected)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("r\tchr4\t1\tchr1\t1\t+\t+\tUU", "no #chromsize for this chromosome: 'chr4' is not one of: chr1"),
        ("r\tchr1\t30001\tchr1\t1\t+\t+\tUU", "a position lies outside its chromosome .1-based.: 'r.tchr1"),
        ("r\tchr1\t0\tchr1\t1\t+\t+\tUU", "outside its chromosome"),
        ("r\tchr1\t1e3\tchr1\t1\t+\t+\tUU", "a position is no whole number"),
        ("r\tchr1\t10\tchr1", "fewer columns than the header says: 'r.tchr1.t10"),
    ],
)
def test_lines_that_are_no_pairs(tmp_path, pixels, line, message):
    path = write_pairs(tmp_path / "a.pairs", tuple(side[:20] for side in pixels))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=message):
        bin_pairs([path], 200, 10, tmp_path)


def test_headers_that_lack_something(tmp_path, folder, pixels):
    (tmp_path / "a.pairs").write_text("## pairs format v1.0\n#columns: readID chr1 pos1\nr\tchr1\t1\n")
    with pytest.raises(InputError) as error:
        open_contacts(tmp_path / "a.pairs")
    assert "3 problems" in str(error.value)
    assert "no column chr2; there are readID, chr1, pos1" in str(error.value)
    assert "no line `#chromsize: NAME LENGTH`" in str(error.value)
    other = (folder / "map.pairs").read_text().replace("chr3 16000", "chr3 16001")
    (tmp_path / "b.pairs").write_text(other)
    with pytest.raises(InputError, match=r"b\.pairs: chromosomes or their lengths differ from those of .*map\.pairs"):
        bin_pairs([folder / "map.pairs", tmp_path / "b.pairs"], 200, 10, tmp_path)
    packed = write_pairs(tmp_path / "c.pairs.gz", pixels)
    packed.write_bytes(packed.read_bytes()[:-50])
    with pytest.raises(InputError, match="the gzip file ends early"):
        bin_pairs([packed], 200, 10, tmp_path)


@pytest.fixture
def weighted(folder, tmp_path):
    """The map with columns of weights, of which KR is divided by and ICE multiplied with."""
    (tmp_path / "map.cool").write_bytes((folder / "map.cool").read_bytes())
    rng = np.random.default_rng(7)
    with h5py.File(tmp_path / "map.cool", "r+") as handle:
        for name in ("KR", "ICE"):
            values = rng.uniform(0.5, 2, handle["bins/start"].shape[0])
            values[[3, 160]] = [np.nan, 0]
            handle["bins"].create_dataset(name, data=values)
        columns = {name: handle[f"bins/{name}"][:] for name in ("KR", "ICE")}
    for name in ("g.fa", "rename.tsv"):
        (tmp_path / name).write_text((folder / name).read_text())
    return tmp_path, columns


@pytest.mark.parametrize(
    ("weights", "column", "divided"), [("KR", "KR", True), ("ICE", "ICE", False), ("ICE:divisive", "ICE", True)]
)
def test_weights_by_name(weighted, weights, column, divided):
    folder, columns = weighted
    found = prepare(folder, folder / "out", "map.cool", weights=weights).bins()["weight"][:].to_numpy()
    usable = np.where(np.nan_to_num(columns[column]) > 0, columns[column], np.nan)
    np.testing.assert_array_equal(found, 1 / usable if divided else usable)
    quality = pd.read_csv(folder / "out" / "quality.tsv", sep="\t").iloc[-1]
    assert quality["weights"] == f"{weights.split(':')[0]} of the file"


def test_weights_that_are_not_there(weighted):
    folder, _ = weighted
    with pytest.raises(InputError, match="no weights 'VC' at 200 bp; there are ICE, KR"):
        prepare(folder, folder / "out", "map.cool", weights="VC")
    with pytest.raises(InputError, match="weights 'KR' are not to be had at 400 bp"):
        prepare(folder, folder / "out", "map.cool", 400, weights="KR")
    with h5py.File(folder / "map.cool", "r+") as handle:
        handle["bins/KR"][:150] = np.nan
    with pytest.raises(InputError, match="weights 'KR' have no value on I; drop them"):
        prepare(folder, folder / "out", "map.cool", weights="KR")
    balanced = prepare(folder, folder / "out", "map.cool", weights="balance", balancing=folder / "out" / "b.tsv")
    expected, _ = cooler.balance_cooler(balanced)
    np.testing.assert_allclose(balanced.bins()["weight"][:], expected, rtol=1e-12)
    steps = pd.read_csv(folder / "out" / "b.tsv", sep="\t")
    assert steps["iteration"].tolist() == list(range(1, len(steps) + 1))
    assert steps["variance"].iloc[-1] < 1e-5 < steps["variance"].iloc[0]


def test_normalisation_of_a_hic_file_is_divided_by(folder, tmp_path, child):
    (tmp_path / "map.hic").write_bytes((folder / "map.hic").read_bytes())
    for name in ("g.fa", "rename.tsv"):
        (tmp_path / name).write_text((folder / name).read_text())
    rng = np.random.default_rng(3)
    vectors = {k: rng.uniform(0.5, 2, -(-n // 200)) for k, n in enumerate(LENGTHS.values(), 1)}
    vectors[1][[4, 5]] = [np.nan, 0]
    add_normalisation(tmp_path / "map.hic", "KR", vectors, 200)
    assert open_contacts(tmp_path / "map.hic").weights(200) == ["KR"]
    child(prepare_from_hic, tmp_path, tmp_path / "out", 200, "KR")
    prepared = cooler.Cooler(str(tmp_path / "out" / "map.cool"))
    stored = np.concatenate(list(vectors.values())).astype(np.float32).astype(float)
    expected = 1 / np.where(np.nan_to_num(stored) > 0, stored, np.nan)
    np.testing.assert_array_equal(prepared.bins()["weight"][:], expected)
    with pytest.raises(InputError, match=r"no weights 'KR' at 400 bp; there are none"):
        prepare(tmp_path, tmp_path / "out", "map.hic", 400, weights="KR")
    with pytest.raises(InputError, match="leave out `:multiplicative`"):
        prepare(tmp_path, tmp_path / "out", "map.hic", weights="KR:multiplicative")
