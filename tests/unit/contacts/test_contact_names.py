"""Names and lengths of chromosomes: every mismatch at once, and a rename table that mends them."""

import pytest

from cisflow.contacts.names import check_held_out, match_chromosomes, read_rename_table, suggest_renames
from cisflow.problems import InputError

GENOME = {"chrI": 1000, "chrII": 2010, "chrIX": 900, "chrM": 80}


def write(tmp_path, text):
    path = tmp_path / "rename.tsv"
    path.write_text(text)
    return path


def test_rename_table(tmp_path):
    text = "cooler_name\tgenome_name\nchr1\tchrI\nchr2\t\n\nchr9\tchrIX\n"
    assert read_rename_table(write(tmp_path, text)) == {"chr1": "chrI", "chr2": "", "chr9": "chrIX"}


def test_rename_table_tells_every_problem(tmp_path):
    text = "cooler_name\tgenome_name\nchr1\tchrI\nchr1\tchrII\nchr3\tchrI\n\tchrM\n"
    with pytest.raises(InputError) as error:
        read_rename_table(write(tmp_path, text))
    message = str(error.value)
    assert "3 problems" in message
    assert "row 3, column \"cooler_name\": 'chr1' is in row 2 as well" in message
    assert "row 4, column \"genome_name\": 'chrI' is in row 2 as well" in message
    assert 'row 5, column "cooler_name": empty' in message


def test_rename_table_without_columns(tmp_path):
    with pytest.raises(InputError, match="no column cooler_name or genome_name"):
        read_rename_table(write(tmp_path, "from,to\na,b\n"))


def test_equal_and_rounded_up_lengths_agree():
    pairs = match_chromosomes({"chrII": 2100, "chrI": 1000}, GENOME, [100])
    assert [(p.name, p.cooler_length, p.length) for p in pairs] == [("chrII", 2100, 2010), ("chrI", 1000, 1000)]


def test_rounding_by_any_bin_size_of_the_file():
    assert len(match_chromosomes({"chrII": 2100}, GENOME, [100, 400])) == 1
    with pytest.raises(InputError, match="90 bp apart"):
        match_chromosomes({"chrII": 2100}, GENOME, [400])


def test_tolerance():
    assert len(match_chromosomes({"chrII": 2000}, GENOME, [100], tolerance=10)) == 1
    with pytest.raises(InputError, match="2,000 bp, chrII of the genome 2,010 bp: 10 bp apart, length_tolerance is 9"):
        match_chromosomes({"chrII": 2000}, GENOME, [100], tolerance=9)


def test_all_mismatches_at_once_with_a_table_to_use():
    in_map = {"chr1": 1000, "2": 2100, "chr9": 1500, "other": 80, "plasmid": 6318, "chrI": 990}
    with pytest.raises(InputError) as error:
        match_chromosomes(in_map, GENOME, [100], where="my.cool")
    message = str(error.value)
    for name in ("chr1", "2", "chr9", "other", "plasmid"):
        assert f"my.cool: {name!r} is no chromosome of the genome" in message
    assert "chrI has 990 bp, chrI of the genome 1,000 bp: 10 bp apart" in message
    assert "the genome has chrI, chrII, chrIX, chrM" in message
    # chr1 and chrI both claim chrI, so neither is suggested; `other` has the length of chrM alone.
    table = message[message.index("cooler_name\tgenome_name") :].splitlines()[1:]
    assert table == ["chr1\t", "2\tchrII", "chr9\tchrIX", "other\tchrM", "plasmid\t", "chrI\t"]


def test_suggested_table_mends_the_map(tmp_path):
    in_map = {f"chr{number}": length for number, length in ((1, 1000), (2, 2010), (9, 900))} | {"Mito": 80}
    with pytest.raises(InputError) as error:
        match_chromosomes(in_map, GENOME, [10])
    message = str(error.value)
    path = write(tmp_path, message[message.index("cooler_name\tgenome_name") :] + "\n")
    pairs = match_chromosomes(in_map, GENOME, [10], read_rename_table(path))
    assert [p.name for p in pairs] == ["chrI", "chrII", "chrIX", "chrM"]


def test_rename_table_drops_and_joins():
    in_map = {"chr1": 1000, "chr2": 2010, "chrI": 1000}
    pairs = match_chromosomes(in_map, GENOME, [10], {"chr1": "", "chr2": "chrII", "chr77": "chrM"})
    assert [(p.cooler_name, p.name) for p in pairs] == [("chr2", "chrII"), ("chrI", "chrI")]
    with pytest.raises(InputError, match="chr1 is one of several that become chrI"):
        match_chromosomes(in_map, GENOME, [10], {"chr1": "chrI", "chr2": ""})
    with pytest.raises(InputError, match=r"'chr2' \(renamed to 'chrZ'\) is no chromosome"):
        match_chromosomes(in_map, GENOME, [10], {"chr1": "", "chr2": "chrZ"})
    with pytest.raises(InputError, match="drops every chromosome"):
        match_chromosomes(in_map, GENOME, [10], dict.fromkeys(in_map, ""))


@pytest.mark.parametrize(
    ("name", "partner"), [("chr4", "chrIV"), ("4", "chrIV"), ("IV", "chrIV"), ("chr04", "chrIV"), ("MT", "chrM")]
)
def test_spellings(name, partner):
    genome = {"chrIV": 500, "chrVI": 600, "chrM": 70}
    assert suggest_renames({name: 1}, genome, [1], 0) == {name: partner}


def test_held_out_chromosomes():
    check_held_out(["chr1", "chr2", "chr3"], ["chr2"], ["chr3"])
    with pytest.raises(InputError) as error:
        check_held_out(["chr1", "chr2"], ["chr2", "chr22"], ["chr2", "chrX"], "my.cool")
    message = str(error.value)
    assert "column \"validation_chromosomes\": 'chr22' is not in the map, which has chr1, chr2 (did you mean" in message
    assert "column \"test_chromosomes\": 'chrX' is not in the map" in message
    assert "'chr2' is a validation chromosome as well" in message
    with pytest.raises(InputError, match="no chromosome is left for training"):
        check_held_out(["chr1", "chr2"], ["chr1"], ["chr2"])
    with pytest.raises(InputError, match='"test_chromosomes": empty'):
        check_held_out(["chr1", "chr2"], ["chr1"], [])
