"""Contact maps of regions and sequences from the command line, read again with cooler."""

import cooler
import numpy as np
import pytest
from variant_toys import LENGTHS, write_toys

from cisflow.cli.main import main
from cisflow.contacts.genome import Genome
from cisflow.models.contact_predict import load_contact_model


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    return folder, write_toys(folder, ("one", "cascade", "assembled"))


@pytest.fixture
def command(toys, tmp_path):
    folder, bundles = toys
    (tmp_path / "regions.bed").write_text("chrA\t2400\t2440\nchrB\t0\t100\n")

    def run(kind, output, *options, regions=tmp_path / "regions.bed"):
        where = ["--genome", folder / "genome.fa", "--intervals", regions] if regions else []
        arguments = ["predict", bundles[kind], *where, "--output", tmp_path / output, "--device", "cpu", *options]
        return main([str(one) for one in arguments])

    return run


def test_regions_of_a_model_of_several_levels(toys, command, tmp_path):
    folder, bundles = toys
    assert command("cascade", "maps.mcool", "--expected", folder / "expected.npz") == 0
    assert command("cascade", "maps.npz", "--expected", folder / "expected.npz") == 0
    with np.load(tmp_path / "maps.npz") as arrays:
        found = {name: arrays[name] for name in arrays.files}
    assert found["log_ratio"].shape == (2, 3, 16, 16)
    # Around 2420, 20 bases from a border of the finest bins; at the start of a chromosome as far left as it goes.
    assert found["start"].tolist() == [[2420 - 1280, 2420 - 640, 2420 - 320], [0, 0, 0]]
    model = load_contact_model(bundles["cascade"])
    codes = Genome(folder / "genome.fa").codes("chrA", 1140, 1140 + 2560)
    offsets, background = found["start"][0] - 1140, list(found["expected"][0])
    none = np.zeros((3, 16, 16), dtype=bool)
    alone = model.predict_levels(codes, [offsets], [background], [none])[0]
    np.testing.assert_allclose(found["log_ratio"][0], alone, atol=1e-5)
    for level, size in enumerate((160, 80, 40)):
        clr = cooler.Cooler(f"{tmp_path / 'maps.mcool'}::/resolutions/{size}")
        assert clr.chromsizes.to_dict() == LENGTHS
        shown = clr.matrix(balance=True).fetch(f"chrB:0-{16 * size}")
        wanted = np.exp(found["log_ratio"][1, level]) * found["expected"][1, level]
        np.testing.assert_allclose(shown, (wanted + wanted.T) / 2, rtol=1e-4)


def test_sequences_and_ratios_of_a_model_of_one_level(toys, command, tmp_path):
    folder, bundles = toys
    codes = Genome(folder / "genome.fa").codes("chrA", 100, 740)
    (tmp_path / "s.fa").write_text(">first\n" + "".join("ACGT"[c] for c in codes) + "\n")
    assert command("one", "s.cool", "--sequences", tmp_path / "s.fa", regions=None) == 0
    clr = cooler.Cooler(str(tmp_path / "s.cool"))
    assert clr.chromsizes.to_dict() == {"first": 640}
    wanted = np.exp(load_contact_model(bundles["one"]).predict(codes))
    np.testing.assert_allclose(clr.matrix(balance=True)[:], wanted, rtol=1e-4)
    assert (
        command("one", "t.cool", "--sequences", tmp_path / "s.fa", "--expected", folder / "expected.npz", regions=None)
        == 0
    )
    shown = cooler.Cooler(str(tmp_path / "t.cool")).matrix(balance=True)[:]
    ratio = shown / wanted
    assert ratio[0, 1] > ratio[0, 9] > 0  # times what is expected at the distance


@pytest.mark.parametrize(
    ("kind", "output", "options", "told"),
    [
        ("one", "o.tsv", [], "contact maps"),
        ("one", "o.cool", ["--left", "ACGT"], "--left"),
        ("cascade", "o.cool", [], "expected contacts"),
        ("assembled", "o.cool", ["--expected", "{folder}/expected.npz"], "several chromosomes"),
    ],
)
def test_what_is_missing_or_meaningless_is_told(toys, command, tmp_path, capsys, kind, output, options, told):
    folder, _ = toys
    assert command(kind, output, *(one.format(folder=folder) for one in options)) == 1
    assert told in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["regions.bed"]


def test_regions_and_sequences_that_do_not_fit_are_told(command, tmp_path, capsys):
    (tmp_path / "far.bed").write_text("chrA\t5990\t6010\nchrZ\t0\t9\n")
    assert command("one", "o.cool", regions=tmp_path / "far.bed") == 1
    told = capsys.readouterr().err
    assert "chrZ" in told
    assert "reaches beyond chrA" in told
    (tmp_path / "short.fa").write_text(">a\nACGT\n>b\nAC\n")
    assert command("one", "o.cool", "--sequences", tmp_path / "short.fa", regions=None) == 1
    told = capsys.readouterr().err
    assert "'a' has 4 bp" in told
    assert "'b' has 2 bp" in told
    (tmp_path / "c.bed").write_text("chrC\t10\t20\n")  # 900 bp, the top level has 2,560
    assert command("one", "c.cool", regions=tmp_path / "c.bed") == 0  # its window has 640
