"""Chromosomes of a VCF file that the genome knows under another name."""

import logging

from cisflow.joblog import logger
from cisflow.variants.changes import asked_vcf
from cisflow.variants.structural import Change, Refusal
from cisflow.variants.vcf_names import file_names, translate

HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
LENGTHS = {"chr1": 5000, "chrII": 5000, "X": 5000}


def test_names_of_the_genome_for_those_of_a_file():
    rename = {"NC_2": "chrII", "NC_3": "", "1": "nowhere"}
    assert translate(["1", "NC_2", "NC_3", "X", "chrX"], LENGTHS, rename) == {"1": "chr1", "NC_2": "chrII"}
    # Not to a name that the file uses itself: 1 may be another sequence there.
    assert translate(["1", "chr1"], LENGTHS) == {}
    assert translate(["chrX", "9"], LENGTHS) == {"chrX": "X"}


def test_records_and_mates_are_translated_and_told_once(tmp_path, caplog):
    lines = (
        "1\t100\ta\tN\t<DEL>\t.\t.\tEND=200",
        "1\t300\tb\tN\tN[chrX:900[\t.\t.\t.",
        "1\t300\tc\tN\t<TRA>\t.\t.\tCHR2=NC_2;END=700;CT=3to5",
        "9\t300\td\tN\t<DEL>\t.\t.\tEND=400",
    )
    (tmp_path / "calls.vcf").write_text(HEADER + "\n".join(lines) + "\n")
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.INFO)
    names = file_names(tmp_path / "calls.vcf", LENGTHS, {"NC_2": "chrII"})
    logger.removeHandler(caplog.handler)
    assert names == {"1": "chr1", "chrX": "X", "NC_2": "chrII"}
    told = list(dict.fromkeys(record.getMessage() for record in caplog.records))
    assert len(told) == 2
    assert "1 = chr1, chrX = X, NC_2 = chrII" in told[0]
    assert "chr: 9; it has chr1, chrII, X" in told[1]
    found = list(asked_vcf(tmp_path / "calls.vcf", LENGTHS, names=names))
    assert [isinstance(one.change, Change) for one in found] == [True, True, True, False]
    # Rows say what the file says.
    assert [one.chromosome for one in found] == ["1", "1", "1", "9"]
    assert found[1].allele == "N[chrX:900["
    assert [point[0] for point in found[1].change.reference_points] == ["chr1", "X"]
    assert [point[0] for point in found[2].change.reference_points] == ["chr1", "chrII"]
    assert isinstance(found[3].change, Refusal)
    assert found[3].change.reason == "chromosome that the genome does not have"
