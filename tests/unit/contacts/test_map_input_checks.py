"""Contact maps are checked before any job: format, bin sizes, weights, chromosomes; all problems at once."""

import cooler
import numpy as np
import pandas as pd
import pytest

from cisflow.contacts.coolers import write_cooler
from cisflow.contacts.input_checks import MapFiles, cheap_lengths, map_problems
from cisflow.contacts.two_bit import write_two_bit
from cisflow.settings.contact_checks import base_resolution_problems

LENGTHS = {"chr1": 3000, "chr2": 2000, "chr3": 1000}


@pytest.fixture
def folder(tmp_path):
    one = np.arange(3)
    write_cooler(tmp_path / "m.cool", cooler.binnify(pd.Series(LENGTHS), 100), [(one, one, one.astype(np.int32))])
    sizes = "".join(f"#chromsize: {name} {length}\n" for name, length in LENGTHS.items())
    (tmp_path / "m.pairs").write_text(f"## pairs format v1.0\n{sizes}r\tchr1\t1\tchr2\t1\t+\t+\n")
    (tmp_path / "g.fa").write_text(">I\n" + "A" * 3000 + "\n>II\n" + "C" * 1890 + "\n>III\n" + "G" * 1000 + "\n")
    (tmp_path / "r.tsv").write_text("cooler_name\tgenome_name\nchr1\tI\nchr2\tII\nchr3\tIII\n")
    return tmp_path


def check(folder, contacts="m.cool", source="cooler", **other):
    given = {
        "name": "map",
        "source": source,
        "contacts": [str(folder / contacts)],
        "genome": str(folder / "g.fa"),
        "rename": str(folder / "r.tsv"),
        "resolutions": [100],
        "base": None,
        "tolerance": 110,
        "weights": None,
        "validation": ["II"],
        "test": ["III"],
    }
    return "\n".join(map(str, map_problems(MapFiles(**given | other))))


def test_sound_maps_have_no_problems(folder):
    assert check(folder) == check(folder, "m.pairs", "pairs") == ""
    assert check(folder, "not_there_yet.cool") == ""


def test_base_that_the_file_does_not_have(folder):
    assert 'column "base_resolution": no bins of 50 bp; there are 100' in check(folder, base=50)
    assert "are not to be had at 200 bp" in check(folder, resolutions=[200], base=100, weights="KR")


def test_base_that_cannot_be_meant():
    row = {"source": "cooler", "resolution": 1000, "base_resolution": 400, "_row": 2}
    found = base_resolution_problems(
        [row, row | {"source": "pairs", "_row": 3}, row | {"base_resolution": 500}], "maps.tsv"
    )
    assert [(problem.row, problem.column) for problem in found] == [(2, "base_resolution"), (3, "base_resolution")]
    assert "expected a bin size that divides the resolution, 1000 bp" in str(found[0])


def test_all_problems_of_a_map_at_once(folder):
    text = check(folder, resolutions=[150, 200], tolerance=0, weights="KR", test=["IV"])
    assert 'column "resolution": no resolution divides 150 bp; there are 100 bp' in text
    assert "weights 'KR' are not to be had at 200 bp" in text
    assert "chr2 has 2,000 bp, II of the genome 1,890 bp: 110 bp apart" in text
    assert "no weights 'KR' at 100 bp; there are none" in check(folder, weights="KR")
    assert "'IV' is not in the map, which has I, II, III" in check(folder, test=["IV"])


def test_names_with_the_table_to_use(folder):
    text = check(folder, rename=None)
    assert "'chr1' is no chromosome of the genome" in text
    assert "cooler_name\tgenome_name\nchr1\tI\nchr2\tII\nchr3\tIII" in text


def test_format_and_source_must_agree(folder):
    assert "is a file of kind pairs; expected hic, the source of map map" in check(folder, "m.pairs", "hic")
    (folder / "x.cool").write_text("chr1\t1\n")
    assert "expected .cool, .mcool, .hic, or .pairs" in check(folder, "x.cool")


def test_lengths_of_a_genome_only_where_they_are_cheap(folder, monkeypatch):
    expected = {"I": 3000, "II": 1890, "III": 1000}
    write_two_bit(folder / "g.fa", folder / "g.2bit")
    assert cheap_lengths(folder / "g.fa") == cheap_lengths(folder / "g.2bit") == expected
    monkeypatch.setattr("cisflow.contacts.input_checks.SMALL", 10)
    assert cheap_lengths(folder / "g.fa") is None
    assert check(folder, tolerance=0) == ""  # told by the job
    assert "'IV' is not in the map" in check(folder, test=["IV"])
    (folder / "g.fa.fai").write_text("".join(f"{name}\t{length}\t3\t60\t61\n" for name, length in expected.items()))
    assert cheap_lengths(folder / "g.fa") == expected
    assert cheap_lengths(folder / "absent.fa") is None
