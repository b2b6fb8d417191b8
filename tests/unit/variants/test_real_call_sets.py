"""Every record of 13 real call sets of eight programs is predicted or refused with its reason; none is lost."""

import gzip
import re

import pytest
from sparse_genome import write_sparse_genome
from variant_toys import write_toys

from cisflow.contacts.genome import Genome
from cisflow.files import read_table
from cisflow.variants.changes import asked_vcf
from cisflow.variants.contact_run import Changes, ContactInput, run_contact_variants
from cisflow.variants.structural import Change
from cisflow.variants.vcf import read_records
from cisflow.variants.vcf_names import file_names, renamed

#: What the files hold, predicted and refused by reason; the table in docs/methods/variants.md.
KIND = "kind of variant that does not say what the chromosome looks like"
BASES = "inserted bases not given"
EXPECTED = {
    "COLO829.nanopore.sniffles": {"predicted": 3, KIND: 3, BASES: 1},
    "breakdancer-1.4.5": {"predicted": 9},
    "breakend": {"predicted": 6},
    "delly-0.6.8": {"predicted": 4},
    "gridss": {"predicted": 8},
    "gridss-na12878": {"predicted": 60},
    "manta-1.1.1": {"predicted": 10, BASES: 1},
    "na12878_chr22_Sudmunt2015": {"predicted": 59},
    "pindel-0.2.5b6": {"predicted": 3, KIND: 1, BASES: 1},
    # Its records name different bases at one place, so that no genome fits all.
    "simple": {"predicted": 8, "REF differs from the genome": 1, BASES: 1},
    "vcf4.2.example.sv": {"predicted": 5, BASES: 1},
    "vcfjs_breakends": {"predicted": 3},
    "vcfjs_vcf4.3_spec_snippet": {"predicted": 6, "no alternative allele": 1},
}


def contigs(path):
    """Lengths of the chromosomes that a file's header tells."""
    with gzip.open(path, "rt") as handle:
        found = (re.search(r"##contig=<ID=([^,>]+),length=(\d+)", line) for line in handle if line.startswith("##"))
        return {match[1]: int(match[2]) for match in found if match}


def alleles_of(path):
    """Alternative alleles by plain reading."""
    with gzip.open(path, "rt") as handle:
        rows = [line.split("\t") for line in handle if line.strip() and not line.startswith("#")]
    return [(fields[0], fields[1], allele) for fields in rows for allele in fields[4].split(",")]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_toys(tmp_path_factory.mktemp("toys"), ("one",))["one"]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_record_is_predicted_or_refused(shared_data, tmp_path, bundle, name):
    folder = shared_data / "sv_vcf"
    path = folder / f"{name}.vcf.gz"
    # hg19, but where a header tells all chromosomes of another genome.
    lengths = max(contigs(path), contigs(folder / "gridss-na12878.vcf.gz"), key=len)
    names = file_names(path, lengths)
    records = [renamed(record, names) for record in read_records(path)]
    points = [(record.chromosome, record.position) for record in records]
    for one in asked_vcf(path, lengths, names=names):
        points += one.change.reference_points if isinstance(one.change, Change) else []
    texts = [(record.chromosome, record.position - 1, record.reference) for record in records]
    write_sparse_genome(tmp_path / "genome.2bit", lengths, points, texts)
    assert Genome(tmp_path / "genome.2bit").lengths == lengths
    given = ContactInput(tmp_path / "genome.2bit", {"one": [bundle]})
    counts = run_contact_variants(given, Changes(path), tmp_path / "effects.parquet", tmp_path / "state")
    table = read_table(tmp_path / "effects.parquet")
    found = table.drop_duplicates("item")
    alleles = alleles_of(path)
    assert found["item"].tolist() == list(range(1, len(alleles) + 1))
    assert [(row.chromosome, str(row.position)) for row in found.itertuples()] == [one[:2] for one in alleles]
    assert counts == EXPECTED[name]
    predicted = table[table["status"] == "predicted"]
    # Two made-up sets join the first bases of a chromosome to themselves: a map of four bases, with nothing to compare.
    assert (predicted["impact"].notna() == (predicted["compared"] > 0)).all()
    assert (predicted["compared"] > 0).all() or name in ("breakend", "simple")
    assert (predicted["impact"] > 0).any() or name == "breakend"


def test_all_call_sets_are_here(shared_data):
    files = {path.name.removesuffix(".vcf.gz") for path in (shared_data / "sv_vcf").glob("*.vcf.gz")}
    assert files == set(EXPECTED)
