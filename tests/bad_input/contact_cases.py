"""Wrong contact maps, intervals and genes."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd

from bad_input import case, write

LENGTHS = {"chr1": 1000, "chr2": 600}
HEADER = "## pairs format v1.0\n#chromsize: chr1 1000\n#chromsize: chr2 600\n#columns: readID chr1 pos1 chr2 pos2\n"


def small_cooler(path, lengths=LENGTHS, resolution=100):
    """A cooler with a few contacts."""
    import cooler

    bins = cooler.binnify(pd.Series(lengths), resolution)
    pixels = pd.DataFrame({"bin1_id": [0, 0, 1], "bin2_id": [0, 1, 1], "count": [3, 1, 2]})
    cooler.create_cooler(str(path), bins, pixels)
    return path


def problems(folder, source="cooler", **changes):
    """What is told about a map before any job."""
    from cisflow.contacts.input_checks import MapFiles, map_problems
    from cisflow.problems import InputError

    given = {
        "name": "map",
        "source": source,
        "contacts": [folder / "map.cool"],
        "resolutions": [100],
        "genome": write(folder / "genome.fa", f">chr1\n{'ACGT' * 250}\n>chr2\n{'ACGT' * 150}\n"),
        "rename": None,
        "base": None,
        "tolerance": 0,
        "weights": None,
        "validation": ["chr1"],
        "test": ["chr2"],
    }
    found = map_problems(MapFiles(**{**given, **changes}))
    if found:
        raise InputError(found)


@case(
    "Contact maps",
    "a folder in place of a map",
    "map.cool: file not found; expected a .cool, .mcool, .hic or .pairs file",
)
def _(folder):
    from cisflow.contacts.formats import open_contacts

    (folder / "map.cool").mkdir()
    open_contacts(folder / "map.cool")


@case(
    "Contact maps",
    "text called .cool",
    "map.cool: starts with 'chr1\\t0\\t100\\tchr1\\t0\\t10'; expected .cool, .mcool, .hic, or .pairs",
)
def _(folder):
    write(folder / "map.cool", "chr1\t0\t100\tchr1\t0\t100\t3\n")
    problems(folder)


@case("Contact maps", "a cooler that was not copied to its end", "map.cool: cannot be read as HDF5, expected a cooler")
def _(folder):
    write(folder / "map.cool", small_cooler(folder / "whole.cool").read_bytes()[:2000])
    problems(folder)


@case(
    "Contact maps",
    "an HDF5 file that is no cooler",
    "map.cool: holds no cooler; expected a cooler with bins of one size",
)
def _(folder):
    import h5py

    with h5py.File(folder / "map.cool", "w") as file:
        file["weights"] = np.zeros(3)
    problems(folder)


@case("Contact maps", "a cooler whose table of chromosomes lacks the names", "its table of chromosomes cannot be read")
def _(folder):
    import h5py

    with h5py.File(small_cooler(folder / "map.cool"), "r+") as file:
        del file["chroms/name"]
    problems(folder)


@case(
    "Contact maps",
    "a resolution that does not fit, weights that are not there, one chromosome validation and test",
    'column "resolution": no resolution divides 150 bp; there are 100 bp',
    "no weights 'KR'",
    "is a validation chromosome as well",
)
def _(folder):
    small_cooler(folder / "map.cool")
    problems(folder, resolutions=[150, 100], weights="KR", test=["chr1", "chr3"])


@case(
    "Contact maps",
    "names of chromosomes that are not the genome's, with the rename table to use",
    "'1' is no chromosome of the genome",
    "cooler_name\tgenome_name\n1\tchr1\n2\tchr2",
)
def _(folder):
    small_cooler(folder / "map.cool", {"1": 1000, "2": 600})
    problems(folder)


@case(
    "Contact maps",
    "a chromosome of another length (another assembly)",
    "chr2 has 900 bp, chr2 of the genome 600 bp: 300 bp apart, length_tolerance is 0",
)
def _(folder):
    small_cooler(folder / "map.cool", {"chr1": 1000, "chr2": 900})
    problems(folder)


@case(
    "Contact maps",
    "another format than the sheet says",
    "is a file of kind cooler; expected hic, the source of map map",
)
def _(folder):
    small_cooler(folder / "map.cool")
    problems(folder, "hic")


@case("Contact maps", "a .hic file cut short", "map.cool: cannot be read as a .hic file")
def _(folder):
    write(folder / "map.cool", b"HIC\0\x08\0\0\0")
    problems(folder, "hic")


@case(
    "Contact maps",
    "a rename table with blanks in place of tabs",
    "rename.tsv row 1: no column cooler_name or genome_name; expected the tab-separated columns",
)
def _(folder):
    from cisflow.contacts.names import read_rename_table

    read_rename_table(write(folder / "rename.tsv", "cooler_name genome_name\n1 chr1\n"))


@case(
    "Contact maps",
    "a rename table with names given twice and an empty one",
    "'1' is in row 2 as well",
    "'chr1' is in row 2 as well",
    "empty; expected a chromosome of the map",
)
def _(folder):
    from cisflow.contacts.names import read_rename_table

    read_rename_table(write(folder / "rename.tsv", "cooler_name\tgenome_name\n1\tchr1\n1\tchr2\n\tchr1\n"))


@case("Contact maps", "a rename table that is not there", "rename.tsv: file not found")
def _(folder):
    from cisflow.contacts.names import read_rename_table

    read_rename_table(folder / "rename.tsv")


def pairs(folder, *contents, resolution=100):
    """Bin lists of pairs."""
    from cisflow.contacts.pairs import bin_pairs

    files = [write(folder / f"lane{number}.pairs", text) for number, text in enumerate(contents, 1)]
    for _ in bin_pairs(files, resolution, 100, folder)[0]:
        pass


@case(
    "Contact maps",
    "pairs without lengths of chromosomes and without a column",
    "no column pos2; there are readID, chr1, pos1, chr2",
    "no line `#chromsize: NAME LENGTH`",
)
def _(folder):
    pairs(folder, "## pairs format v1.0\n#columns: readID chr1 pos1 chr2\nr\tchr1\t1\tchr1\t2\n")


@case(
    "Contact maps",
    "pairs with lengths that are none",
    "lane1.pairs row 2: '#chromsize: chr1 1,000'",
    "row 3: '#chromsize: chr2 0'",
    "row 5: '#chromsize: chr2 \u00b2'",
)
def _(folder):
    header = HEADER.replace("1000", "1,000").replace("600", "0")
    pairs(folder, header + "#chromsize: chr2 \u00b2\n")


@case(
    "Contact maps",
    "a pair that lies beyond its chromosome",
    "lane1.pairs row 6: a position lies outside its chromosome (1-based): 'r2\\tchr1\\t5\\tchr2\\t601'",
)
def _(folder):
    pairs(folder, HEADER + "r1\tchr1\t1\tchr2\t600\nr2\tchr1\t5\tchr2\t601\n")


@case(
    "Contact maps",
    "a pair at position 0 (counted from 0)",
    "lane1.pairs row 5: a position lies outside its chromosome (1-based): 'r1\\tchr1\\t0\\tchr2\\t600'",
)
def _(folder):
    pairs(folder, HEADER + "r1\tchr1\t0\tchr2\t600\n")


@case("Contact maps", "a pair with a negative position", "lane1.pairs row 5: a position is no whole number")
def _(folder):
    pairs(folder, HEADER + "r1\tchr1\t-5\tchr2\t600\n")


@case(
    "Contact maps",
    "a pair of a chromosome without a length",
    "lane1.pairs row 5: no #chromsize for this chromosome: 'chrM' is not one of: chr1, chr2",
)
def _(folder):
    pairs(folder, HEADER + "r1\tchr1\t5\tchrM\t6\n")


@case(
    "Contact maps",
    "a pair with a column too few",
    "lane1.pairs row 5: fewer columns than the header says: 'r1\\tchr1\\t5\\tchr2'",
)
def _(folder):
    pairs(folder, HEADER + "r1\tchr1\t5\tchr2\n")


@case("Contact maps", "pairs of two genomes", "lane2.pairs: chromosomes or their lengths differ from those of")
def _(folder):
    pairs(folder, HEADER, HEADER.replace("600", "700"))


@case("Contact maps", "more bins than can be numbered", "bins of 1 bp; at most 2,147,483,647 can be numbered")
def _(folder):
    pairs(folder, HEADER.replace("1000", "100000000000"), resolution=1)


@case("Contact maps", "a gzip list of pairs cut short", "lane1.pairs: the gzip file ends early")
def _(folder):
    text = HEADER + "".join(f"r\tchr1\t{place}\tchr2\t{place % 600 + 1}\n" for place in range(1, 1000))
    pairs(folder, gzip.compress(text.encode(), mtime=0)[:-9])


def bed(path, **options):
    """Read a BED file."""
    from cisflow.contacts.intervals import read_bed
    from cisflow.problems import InputError

    table, found = read_bed(path, **options)
    if found or table is None:
        raise InputError(found)


@case("Intervals and genes", "a BED file that is not there", "peaks.bed: file not found; expected a BED file")
def _(folder):
    bed(folder / "peaks.bed")


@case(
    "Intervals and genes",
    "a BED file with blanks in place of tabs",
    "row 1: 'chr1 0 100'; not a BED file (expected chromosome, start, end between tabs)",
)
def _(folder):
    bed(write(folder / "peaks.bed", "chr1 0 100\n"))


@case(
    "Intervals and genes",
    "intervals that are empty, run backwards, are negative or no numbers; the lines of browsers count",
    "row 3: interval 100 to 100",
    "row 4: interval 9 to 5",
    "row 5: interval -1 to 5",
    "row 6: interval 1,000 to 2,000",
    "row 7: interval 1.5 to 3",
)
def _(folder):
    rows = "chr1\t100\t100\nchr1\t9\t5\nchr1\t-1\t5\nchr1\t1,000\t2,000\nchr1\t1.5\t3\n"
    bed(write(folder / "peaks.bed", "browser position chr1\ntrack name=peaks\n" + rows))


@case(
    "Intervals and genes",
    "a narrowPeak summit outside of its peak (counted from the chromosome's start)",
    'peaks.narrowPeak row 1, column "10": summit at 1050 from the start',
)
def _(folder):
    bed(write(folder / "peaks.narrowPeak", "chr1\t1000\t1100\tp\t0\t.\t5\t3\t2\t1050\n"), summits=True)


@case(
    "Intervals and genes",
    "intervals left out whose chromosomes are named otherwise",
    "none of its chromosomes is in the map: 1, 2; the map has chr1, chr2",
)
def _(folder):
    from cisflow.contacts.intervals import read_excluded

    read_excluded(write(folder / "blacklist.bed", "1\t0\t10\n2\t0\t10\n"), ["chr1", "chr2"])


@case(
    "Intervals and genes",
    "regions of a screen beyond the chromosome, and of none",
    "chr1:900-1,100 reaches beyond chr1, 1,000 bp",
    "'chr7' is not one of",
)
def _(folder):
    from cisflow.problems import InputError
    from cisflow.variants.screen_input import file_problems

    regions = write(folder / "regions.bed", "chr1\t900\t1100\nchr7\t0\t10\n")
    raise InputError(file_problems("disruption", regions, None, LENGTHS, "screen"))


@case(
    "Intervals and genes",
    "genes with an end before the start, and positions from 0",
    "row 3: interval 200 to 101; expected whole numbers with 1 <= start <= end",
    "row 4: interval 0 to 5",
)
def _(folder):
    from cisflow.contacts.annotation import read_features
    from cisflow.contacts.regions import Region

    rows = 'chr1\tx\tgene\t200\t101\t.\t+\t.\tgene_id "a";\nchr1\tx\tgene\t0\t5\t.\t+\t.\tgene_id "b";\n'
    read_features(write(folder / "genes.gtf", "##x\n#y\n" + rows), [Region("chr1", 0, 1000)])


@case("Intervals and genes", "a gzip annotation cut short", "genes.gff3.gz: the gzip file is truncated or damaged")
def _(folder):
    from cisflow.contacts.annotation import read_features
    from cisflow.contacts.regions import Region

    packed = gzip.compress(b"chr1\tx\tgene\t1\t5\t.\t+\t.\tID=a\n" * 50, mtime=0)[:-20]
    read_features(write(folder / "genes.gff3.gz", packed), [Region("chr1", 0, 1000)])


@case("Intervals and genes", "text called .bw", "signal.bw: cannot be read as a bigWig file")
def _(folder):
    from cisflow.profiles.tracks import Track

    Track(write(folder / "signal.bw", "chr1\t0\t10\t1.5\n"))
