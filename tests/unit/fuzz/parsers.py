"""Every parser that the project owns, as a function of bytes in a folder, with valid files to start from.

A parser gives a result or raises :class:`~cisflow.problems.InputError`; those that answer evaluators raise
:class:`~cisflow.serve.requests.Refusal`, and those of short texts a ValueError that their callers turn into a problem.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from mutations import files, texts

from cisflow.problems import InputError
from cisflow.serve.requests import Refusal
from conftest import CHECKOUT

SCHEMAS = CHECKOUT / "workflow" / "schemas"


@dataclass(frozen=True)
class Parser:
    """A parser under test.

    Attributes
    ----------
    parse : function of (bytes or str, folder)
    given : strategy
        What it is given.
    weight : float
        Examples, as a multiple of the usual number; small where an example is slow.
    refuses : tuple of exception types
        What it may raise.
    """

    parse: Callable
    given: st.SearchStrategy
    weight: float = 1.0
    refuses: tuple[type[Exception], ...] = (InputError,)


PARSERS: dict[str, Parser] = {}


def parser(name: str, given: st.SearchStrategy, weight: float = 1.0, refuses: tuple = (InputError,)) -> Callable:
    """Register a parser."""

    def add(parse: Callable) -> Callable:
        PARSERS[name] = Parser(parse, given, weight, refuses)
        return parse

    return add


def put(folder: Path, name: str, data: bytes) -> Path:
    """Write the bytes under a name."""
    path = folder / name
    path.write_bytes(data)
    return path


FASTQ = b"@r1 a\nACGTACGTNACGT\n+\nIIIIIIIIIIIII\n@r2\nTTTT\n+r2\nIIII\n"


@parser("FASTQ", files(FASTQ, FASTQ.replace(b"\n", b"\r\n"), b"@\n\n+\n\n", gzip.compress(FASTQ, mtime=0)), 3)
def _(data, folder):
    from cisflow.reads.fastq import read_fastq
    from cisflow.reads.names import read_names

    path = put(folder, "a.fastq", data)
    whole = []
    for size in (7, 64, 1 << 21):  # the records do not depend on the blocks
        try:
            blocks = list(read_fastq(path, size))
            found = [text for block in blocks for text in block.sequences.to_series().to_list()]
            found += [name for block in blocks for name in read_names(block).to_list()] if data.isascii() else []
        except InputError as error:
            found = str(error).split(" (")[0].replace("...", "")
        whole.append(len(found) if isinstance(found, list) else "refused")
    assert whole[0] == whole[1] == whole[2]


@parser("FASTQ pairs", st.tuples(files(FASTQ), files(FASTQ, FASTQ * 3)))
def _(data, folder):
    from cisflow.reads.fastq import read_pairs

    for one, two in read_pairs(put(folder, "1.fastq", data[0]), put(folder, "2.fastq", data[1]), 40):
        assert len(one) == len(two)


@st.composite
def read_pairs_of(draw):
    """Records of any bases and qualities, of any lengths, as FASTQ of both mates."""
    n = draw(st.integers(1, 6))
    bases = st.text("ACGTN", max_size=90)
    known = st.sampled_from(["TGCATTTTTTTCACATC", "GGTTACGGCTGTT", "ACGTACGTACGT", ""])
    reads = draw(st.lists(st.tuples(known, bases, known, bases).map("".join), min_size=2 * n, max_size=2 * n))
    records = [f"@{i}\n{text}\n+\n{draw(st.sampled_from('!#I~')) * len(text)}\n" for i, text in enumerate(reads)]
    return "".join(records[:n]).encode(), "".join(records[n:]).encode()


STRUCTURES = (
    "TGCATTTTTTTCACATC {variable:48-112} GGTTACGGCTGTT",
    "{umi:4} ACGT {variable:1-200}",
    "{skip:0-3} ACGTACGTACGT {variable:5}",
    "{variable:80}",
    "{barcode:3} {variable:1-9} / {umi:5} {skip:2}",
)


@parser("reads to sequences", st.tuples(read_pairs_of(), st.sampled_from(STRUCTURES), st.booleans(), st.booleans()), 2)
def _(data, folder):
    from cisflow.reads.count import ReadSettings, count_reads

    (one, two), structure, paired, either = data
    mates = "/" in structure
    orientation = "either" if either and structure in STRUCTURES[:2] else "forward"
    settings = ReadSettings(structure, 40, 39, 0.75, 2, keep_flanks=True, orientation=orientation, memory_mb=10)
    first, second = put(folder, "1.fastq", one), put(folder, "2.fastq", two)
    barcodes = ["ACG"] if "barcode" in structure else []
    count_reads([first], [second] if paired or mates else [], settings, "bin", 256, barcodes)


FASTA = b">chr1 text\nACGTNNacgt\nACGT\n>chr2\nTTTT\n"


@parser("FASTA", files(FASTA, FASTA.replace(b"\n", b"\r\n"), gzip.compress(FASTA, mtime=0)))
def _(data, folder):
    from cisflow.contacts.genome import Genome

    for name in ("g.fa", "g.fa.gz"):
        try:
            genome = Genome(put(folder, name, data))
            for chromosome, length in genome.lengths.items():
                assert len(genome.codes(chromosome, -2, length + 2)) == length + 4
        except InputError:
            continue


def two_bit_file() -> bytes:
    """A small 2bit file, by the published description."""
    bases = bytes([0b10011100] * 5)  # 20 bases
    head = struct.pack("<4I", 0x1A412743, 0, 1, 0) + b"\x04chr1" + struct.pack("<I", 25)
    return head + struct.pack("<6I", 20, 1, 4, 6, 0, 0) + bases


@parser("2bit", files(two_bit_file()), 2)
def _(data, folder):
    from cisflow.contacts.two_bit import TwoBit

    file = TwoBit(put(folder, "g.2bit", data))
    for name, length in file.lengths.items():
        length = min(length, 1000)
        for start, end in ((0, length), (3, 5), (length // 2, length)):
            if start < end <= length:
                codes = file.codes(name, start, end)
                assert len(codes) == end - start
                assert codes.max() <= 4


VCF = (
    b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    b"chr1\t10\trs1\tA\tC,G\t.\t.\tDP=3;FLAG\nchr1\t20\t.\tAC\t<DEL>\t.\t.\tSVTYPE=DEL;END=50;SVLEN=-30\n"
    b"chr1\t30\tb1\tN\tN]chr2:5]\t.\t.\tSVTYPE=BND;MATEID=b2\nchr2\t5\t.\tT\t<TRA>\t.\t.\tCHR2=chr1;POS2=7;CT=3to5\n"
    b"chr2\t9\t.\tA\t<INS>\t.\t.\tSVTYPE=INS;SEQ=ACGT\nchr2\t8\t.\tA\tATTTT\t.\t.\t.\n"
)


@parser("VCF", files(VCF, gzip.compress(VCF, mtime=0)), 2)
def _(data, folder):
    from cisflow.variants.changes import asked_vcf
    from cisflow.variants.expression import asked_of
    from cisflow.variants.sequences import Place, PlaceIndex
    from cisflow.variants.vcf import read_records
    from cisflow.variants.vcf_names import file_names

    path, lengths = put(folder, "a.vcf", data), {"chr1": 100, "chr2": 40}
    file_names(path, lengths)
    index = PlaceIndex([Place("p", "chr1", 5, 45, "-", "ACGTN" * 8)])
    for entry in read_records(path):
        assert list(asked_of(entry, index))
    list(asked_vcf(path, lengths, lambda chromosome, start, end: np.zeros(end - start, np.uint8)))


CHANGES = (
    "del chr1:10-20",
    "ins chr1:10 ACGT +",
    "break chr1:5 chr2:9 +/-",
    "segments chr1:0-90:+ chr2:5-9:- at=3",
    "region chr2:1-9",
)


@parser("changes as text", files("\n".join(CHANGES).encode(), b"a\tinv chr1:1-9\n"), 2)
def _(data, folder):
    from cisflow.variants.changes import asked_texts, read_changes

    list(asked_texts(read_changes(put(folder, "changes.txt", data)), {"chr1": 100, "chr2": 40}))


@parser("regions as text", texts("chr9:94,904,000-126_904_000", "chr1:0-5 chr2:3-9"), 1, (ValueError,))
def _(text, folder):
    from cisflow.contacts.regions import listed_regions, parse_region

    listed_regions(text)
    region = parse_region(text)
    assert region.start < region.end


BED = b"track name=a\nchr1\t0\t10\n#x\nchr2\t5\t9\tpeak\t0\t-\t1.5\t2\t3\t2\n"
NARROW = b"chr1\t0\t10\tp\t0\t.\t1.5\t2\t3\t2\nchr2\t5\t9\tp\t0\t.\t1.5\t2\t3\t-1\n"


@parser("BED", files(BED, NARROW, gzip.compress(NARROW, mtime=0)))
def _(data, folder):
    from cisflow.contacts.intervals import read_bed
    from cisflow.contacts.peaks import PeakTracks
    from cisflow.profiles.regions import read_regions

    path = put(folder, "a.bed", data)
    table, problems = read_bed(path)
    assert table is not None or problems
    read_regions(path, "peak")
    PeakTracks([path])


@parser("BED of sequences", files(BED, b"chr1\t0\t10\n"))
def _(data, folder):
    from cisflow.variants.sequences import intervals

    for place in intervals(put(folder, "a.bed", data), put(folder, "g.fa", FASTA)):
        assert len(place.bases) == place.end - place.start > 0


GTF = b'#!x\nchr1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "g1"; gene_name "A";\nchr2\tx\texon\t3\t5\t.\t-\t.\tgene_id "g2";\n'
GFF = b"##gff-version 3\nchr1\tx\tgene\t1\t9\t.\t+\t.\tID=g1;Name=A\nchr1\tx\tmRNA\t1\t9\t.\t+\t.\tID=t1;Parent=g1\n"


@parser("genes", st.tuples(st.sampled_from(["a.gtf", "a.gff3", "a.bed", "a.gtf.gz"]), files(GTF, GFF, BED)), 0.7)
def _(data, folder):
    from cisflow.contacts.annotation import read_features
    from cisflow.contacts.regions import Region

    read_features(put(folder, *data), [Region("chr1", 0, 100), Region("chr2", 0, 100)])


MEME = (
    b"MEME version 4\n\nALPHABET= ACGT\n\nBackground letter frequencies\nA 0.3 C 0.2 G 0.2 T 0.3\n\nMOTIF a REB1\n"
    b"letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0\n0.1 0.2 0.3 0.4\n0.4 0.3 0.2 0.1\n"
)


@parser("MEME", files(MEME), 2)
def _(data, folder):
    from cisflow.interpret.meme import read_meme

    found = read_meme(put(folder, "m.meme", data))
    for motif in found.motifs:
        assert np.isfinite(motif.probabilities).all()
        assert np.allclose(motif.probabilities.sum(axis=1), 1)
        assert 0 < motif.sites < np.inf
    assert np.isclose(found.background.sum(), 1)


SHEETS = sorted(path.name.removesuffix(".schema.yaml") for path in SCHEMAS.glob("*.schema.yaml"))
SHEETS = [name for name in SHEETS if name not in ("config", "design")]
ROWS = b"library\tbin\trole\tposition\tlower_quantile\nlib\tb1\tsorted\t1.5\t0.2\n# no\nlib\tb2\tunsorted\t\t1\n"


@parser("sheets", st.tuples(st.sampled_from(SHEETS), files(ROWS, b"map\tsource\tresolution\nm\tcooler\t1000\n")), 0.5)
def _(data, folder):
    from cisflow.settings.schema import read_schema
    from cisflow.settings.sheets import duplicates, read_sheet, sound_cells

    schema = read_schema(SCHEMAS / f"{data[0]}.schema.yaml")
    rows, problems = read_sheet(put(folder, "s.tsv", data[1]), schema, "s.tsv")
    sound_cells(rows, problems + duplicates(rows, tuple(schema["required"][:1]), "s.tsv"))
    assert rows or problems


@parser("rename tables", files(b"cooler_name\tgenome_name\n1\tchr1\n2\t\n"))
def _(data, folder):
    from cisflow.contacts.names import match_chromosomes, read_rename_table

    match_chromosomes({"1": 10}, {"chr1": 10}, [5], read_rename_table(put(folder, "r.tsv", data)))


PAIRS = (
    b"## pairs format v1.0\n#sorted: none\n#chromsize: chr1 1000\n#chromsize: chr2 600\n"
    b"#columns: readID chr1 pos1 chr2 pos2 strand1 strand2\nr\tchr1\t5\tchr2\t600\t+\t-\nr\t!\t0\tchr1\t5\t-\t+\n"
)


@parser("pairs", files(PAIRS, PAIRS.replace(b"\n", b"\r\n"), gzip.compress(PAIRS, mtime=0)), 0.6)
def _(data, folder):
    from cisflow.contacts.pairs import bin_pairs

    pixels, unmapped = bin_pairs([put(folder, "a.pairs", data)], 100, 1, folder)
    total = 0
    for one, two, count in pixels:
        assert (one <= two).all()
        total += int(count.sum())
    assert 0 <= total + unmapped <= data.count(b"\n") + 1 or data[:2] == b"\x1f\x8b"


@parser("contact files", files(b"\x89HDF\r\n\x1a\n" + bytes(200), b"HIC\0", PAIRS), 0.1)
def _(data, folder):
    from cisflow.contacts.formats import open_contacts

    found = open_contacts(put(folder, "a.cool", data))
    for size in found.addresses or (100,):
        found.chromosomes(size)


@parser("ordered sequences", files(b"a\tACGT\nb\tACGA\n", FASTA))
def _(data, folder):
    from cisflow.clusters.ordered import read_ordered

    for name in ("o.tsv", "o.csv"):
        table = read_ordered(put(folder, name, data))
        assert table["element"].is_unique().all()


TABLE = b"pos\tsequence\texpression\tlow\thigh\n0\tACGT\t1.5\t3\t4\n1\tACGA\t-2\t0\t12.0\n"


@parser("tables of a dataset", files(TABLE, TABLE.replace(b"\t", b","), b"ACGT\t1\nACGA\t2\n"), 0.7)
def _(data, folder):
    from cisflow.clusters.counts_table import import_counts
    from cisflow.datasets.tables import read_test_table, read_training_table

    path = put(folder, "t.tsv", data)
    for read in (
        read_training_table,
        read_test_table,
        lambda path: import_counts(path, "sequence", {"low": "low", "high": "high"}, "lib"),
    ):
        try:
            read(path)
        except InputError:
            continue


@parser("tables in Parquet", files(b"PAR1" + bytes(20) + b"PAR1"), 0.5)
def _(data, folder):
    from cisflow.datasets.tables import read_training_table
    from cisflow.user_files import open_table

    path = put(folder, "t.parquet", data)
    for read in (read_training_table, lambda path: open_table(str(path), "a table")):
        try:
            read(path)
        except InputError:
            continue


@parser(
    "submissions", st.tuples(st.sampled_from(["s.json", "s.txt"]), files(b'{"0": 1.5, "1": -2}', b"ACGT\t1\nAC\t2\n"))
)
def _(data, folder):
    from cisflow.evaluation.submissions import read_truth

    measured, _ = read_truth(put(folder, *data))
    assert np.isfinite(measured).all()


SUBSETS = st.sampled_from(["high_exp_seqs.csv", "all_SNVs_seqs.csv", "high_exp_indices.json", "SNVs_exp_indices.json"])


@parser("subsets", st.tuples(SUBSETS, files(b"pos\n1\n2\n", b"alt_pos,ref_pos\n1,2\n", b'{"1": 0}', b'{"1,2": 0}')))
def _(data, folder):
    from cisflow.evaluation.subsets import read_layout

    for old in folder.glob("*_*"):
        old.unlink()
    put(folder, *data)
    for subset in read_layout(folder):
        assert (subset.pos >= 0).all()


RECIPE = (
    b"task: expression\nmodel: network\nnetwork: {first: {name: bhi_first, channels: 40}}\ntraining: [1, 2.5, null]\n"
)


@parser("recipes", files(RECIPE, b"a: &x [*x, 2001-13-45, 1e999, 0x10, !!python/object:os.system {}]\n"))
def _(data, folder):
    from cisflow.models.import_weights import load_recipe
    from cisflow.models.prix_fixe import complete_recipe
    from cisflow.models.recipes import check_expression_recipe

    recipe = complete_recipe(load_recipe(put(folder, "r.yaml", data), ("expression",)), "r.yaml")
    check_expression_recipe(recipe, "r.yaml")


@parser("designs", files(b"population: 100\nleft: ACGT\nforbidden: [GAATTC]\nmutation: 0.5\n"))
def _(data, folder):
    from cisflow.design.settings import read_design

    read_design(put(folder, "d.yaml", data))


def safetensors_file() -> bytes:
    """A small safetensors file."""
    head = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(8)


BUNDLE = {
    "weights.safetensors": safetensors_file(),
    "recipe.yaml": RECIPE,
    "history.tsv": b"step\tepoch\n1\t1\n",
    "manifest.json": b'{"versions": {"torch": "2"}, "training": {"parameters": 2}}',
}


@parser("bundles", st.sampled_from(sorted(BUNDLE)).flatmap(lambda name: st.tuples(st.just(name), files(BUNDLE[name]))))
def _(data, folder):
    from cisflow.training.bundle import read_bundle

    for name, content in BUNDLE.items():
        put(folder, name, content)
    put(folder, *data)
    read_bundle(folder)


def torch_file() -> bytes:
    """Tensors as ``torch.save`` writes them."""
    import torch

    out = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, out)
    return out.getvalue()


@parser("PyTorch weights", st.deferred(lambda: files(torch_file())), 0.5)
def _(data, folder):
    from cisflow.models.import_weights import read_state

    read_state(put(folder, "w.pt", data))


def npz_file() -> bytes:
    """Arrays by name."""
    out = io.BytesIO()
    np.savez_compressed(out, log_expected=np.zeros(3), resolution=100)
    return out.getvalue()


@parser("arrays", files(npz_file()))
def _(data, folder):
    from cisflow.files import opened_arrays

    with opened_arrays(put(folder, "e.npz", data), "expected contacts") as arrays:
        np.asarray(arrays["log_expected"])


REQUEST = {
    "readout": "point",
    "prediction_tasks": [{"name": "t", "type": "expression", "cell_type": "yeast", "species": "yeast", "scale": "log"}],
    "sequences": {"a": "ACGT", "b": "NNNN"},
    "prediction_ranges": {"a": [0, 3], "b": []},
    "upstream_seq": "ACGT",
}


def packed_request() -> bytes:
    """The request as MessagePack."""
    from cisflow.serve.message_pack import packed

    return packed(REQUEST)


@parser(
    "requests",
    st.one_of(
        st.tuples(st.just("application/json"), files(json.dumps(REQUEST).encode())),
        st.tuples(st.just("application/msgpack"), files(packed_request())),
    ),
    3,
    (Refusal,),
)
def _(data, folder):
    from cisflow.serve.answers import read_body
    from cisflow.serve.requests import Offer, check_request

    offer = Offer("point", ("expression",), ["expression"], "yeast", "yeast")
    request = check_request(read_body(data[1], data[0]), offer)
    assert request.sequences is not None


@parser("read structures", texts(*STRUCTURES), 3)
def _(text, folder):
    from cisflow.reads.structure import parse_structure

    assert parse_structure(text).parts


@parser("options of Bowtie2", texts("-k 5 --norc --score-min L,0,-0.3", "--very-sensitive -D 20"))
def _(text, folder):
    from cisflow.clusters.bowtie_options import bowtie2_option_problems

    bowtie2_option_problems(text)


def tar_file(mode: str) -> bytes:
    """An archive with a folder, a file and a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, kind in (("data", tarfile.DIRTYPE), ("data/x.csv", tarfile.REGTYPE), ("y", tarfile.SYMTYPE)):
            about = tarfile.TarInfo(name)
            about.type, about.size, about.linkname = kind, 4 if kind == tarfile.REGTYPE else 0, "/etc/passwd"
            tar.addfile(about, io.BytesIO(b"1,2\n"))
    return out.getvalue()


def zip_file() -> bytes:
    """A zip archive with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/x.csv", b"1,2\n" * 50)
    return out.getvalue()


@parser("archives", files(tar_file("w"), tar_file("w:gz"), lzma.compress(tar_file("w")), zip_file()), 2)
def _(data, folder):
    from cisflow.downloads.archive import unpack_member

    before = {path.name for path in folder.iterdir()} | {"a.tar", "out"}
    try:
        unpack_member(put(folder, "a.tar", data), "x.csv", folder / "out")
    finally:
        assert {path.name for path in folder.iterdir()} <= before


@parser("manifests of runs", files(b'{"files": {"a": "b"}, "versions": {"python": "3"}}'))
def _(data, folder):
    from cisflow.run_manifest import read_run_manifest

    put(folder, "manifest.json", data)
    read_run_manifest(folder)


SAM = b"0\t0\t5\t1\t42\t10M\n1\t4\t*\t0\t0\t*\n12\t16\t0\t1\t1\t4M\n"


@parser("alignments of Bowtie2", files(SAM), 2)
def _(data, folder):
    from cisflow.clusters.bowtie import _read_pairs

    bytes_ = np.frombuffer(data, np.uint8)
    lines = int(np.count_nonzero(bytes_ == 10))
    query, reference = np.full(lines + 2, -9, np.int64), np.full(lines + 2, -9, np.int64)
    n, used = _read_pairs(bytes_, query[:lines], reference[:lines])
    assert 0 <= n <= lines
    assert 0 <= used <= len(data)
    assert (query[lines:] == -9).all()
    assert (reference[lines:] == -9).all()
