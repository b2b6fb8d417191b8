"""Wrong questions to models: variants, motifs, requests; archives and manifests."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

from bad_input import case, command, write

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
LENGTHS = {"chr1": 1000, "chr2": 600}


def records(folder, rows, header=HEADER):
    """Reasons for the lines of a VCF file that are no records."""
    from cisflow.variants.vcf import BadLine, read_records

    found = read_records(write(folder / "calls.vcf", (header + rows) if isinstance(rows, str) else rows))
    return "\n".join(f"line {one.line} ({one.text!r}): {one.reason}" for one in found if isinstance(one, BadLine))


def refusals(folder, rows):
    """Reasons for alleles of a VCF file that cannot be predicted."""
    from cisflow.variants.changes import asked_vcf
    from cisflow.variants.structural import Refusal

    asked = asked_vcf(write(folder / "calls.vcf", HEADER + rows), LENGTHS)
    found = [(one.line, one.allele, one.change) for one in asked if isinstance(one.change, Refusal)]
    return "\n".join(f"line {line} ({allele}): {why.reason} {why.detail}".strip() for line, allele, why in found)


@case(
    "Variants",
    "a file without a VCF header",
    "calls.vcf row 1: begins with 'chr1\\t5\\t.\\tA\\tC'; expected a VCF header (#)",
)
def _(folder):
    return records(folder, "chr1\t5\t.\tA\tC\n", "")


@case("Variants", "a gzip VCF file cut short", "calls.vcf row 4: cannot be read to its end")
def _(folder):
    import gzip

    return records(folder, gzip.compress((HEADER + "chr1\t5\t.\tA\tC\t.\t.\t.\n").encode(), mtime=0)[:-9])


@case("Variants", "a VCF file with Latin-1 letters", "calls.vcf row 3: not a text file in UTF-8 (byte 0xe9)")
def _(folder):
    return records(folder, HEADER.encode() + b"chr1\t5\t.\tA\tC\t.\t.\tNOTE=\xe9\n")


@case(
    "Variants",
    "records with too few fields, positions that are none, REF that is no bases",
    "line 3 ('chr1 5 . A C'): 1 fields between tabs; expected 8 or more",
    "POS is '1,000'",
    "POS is '-5'",
    "REF is '<DEL>'",
    "an alternative allele is empty",
    "CHROM is empty",
)
def _(folder):
    rest = "\t.\t.\t.\n"
    rows = [
        "chr1 5 . A C\n",
        "chr1\t1,000\t.\tA\tC" + rest,
        "chr1\t-5\t.\tA\tC" + rest,
        "chr1\t" + "9" * 30 + "\t.\tA\tC" + rest,
        "chr1\t5\t.\t<DEL>\tC" + rest,
        "chr1\t5\t.\tA\tC," + rest,
        "\t5\t.\tA\tC" + rest,
    ]
    return records(folder, "".join(rows))


@case(
    "Variants",
    "structural variants of no chromosome, beyond its end, without an end, with half a breakend",
    "line 3",
    "line 4",
    "line 5",
    "line 6",
)
def _(folder):
    rows = [
        "chr7\t5\t.\tA\t<DEL>\t.\t.\tEND=90\n",
        "chr1\t990\t.\tA\t<DEL>\t.\t.\tEND=2000\n",
        "chr1\t5\t.\tA\t<INV>\t.\t.\t.\n",
        "chr1\t5\t.\tA\tA[chr2:601[\t.\t.\t.\n",
    ]
    return refusals(folder, "".join(rows))


@case(
    "Variants",
    "changes as text that are none",
    "expected chromosome:start-end",
    "no kind of change",
    "reaches beyond chr2, which has 600 bp",
    "expected position, bases and strand",
    "at=POSITION",
    "no chromosome of the genome",
)
def _(folder):
    from cisflow.variants.changes import asked_texts, read_changes

    texts = (
        "del chr1:10..20\ncut chr1:1-2\ndup chr2:0-601\nins chr1:5 ACGU\nsegments chr1:0-5:+ at=x\nregion chr9:0-5\n"
    )
    asked = asked_texts(read_changes(write(folder / "changes.txt", texts)), LENGTHS)
    return "\n".join(f"line {one.line} ({one.allele}): {one.change.detail or one.change.reason}" for one in asked)


@case(
    "Variants",
    "options that do not belong together",
    "give --constructs, or --genome with --intervals",
    "models of expression need a VCF file",
    "'ACGU'; expected A, C, G, T or N",
)
def _(folder):
    from bad_input.model_cases import bundle

    model = bundle(folder)
    command(
        "variants", "--genome", "g.fa", "--constructs", "c.fa", "--left", "ACGU", "--output", folder / "out.tsv", model
    )


@case(
    "Variants",
    "intervals with a wrong strand, beyond the chromosome and of none",
    "'x'; expected + or -",
    "5 to 50; expected an interval of chr1, which has 12 bp",
    "'chr9' is no record",
)
def _(folder):
    from cisflow.variants.sequences import intervals

    bed = write(folder / "p.bed", "chr1\t0\t5\ta\t0\tx\nchr1\t5\t50\nchr9\t0\t5\nchr1\tx\t9\n")
    intervals(bed, write(folder / "g.fa", ">chr1\nACGTACGTACGT\n"))


MEME = "MEME version 4\n\nALPHABET= ACGT\n\n"
MATRIX = "letter-probability matrix: alength= 4 w= 2 nsites= 20\n0.1 0.2 0.3 0.4\n0.4 0.3 0.2 0.1\n"


def meme(folder, content):
    """Read a MEME file."""
    from cisflow.interpret.meme import read_meme

    read_meme(write(folder / "motifs.meme", content))


@case(
    "Motifs",
    "a JASPAR matrix that is no MEME file",
    "motifs.meme: no line 'MEME version'; expected motifs in MEME format",
)
def _(folder):
    meme(folder, ">MA0001 REB1\nA [1 2]\n")


@case("Motifs", "no motif, and a matrix without its name", "a matrix without a line MOTIF before it")
def _(folder):
    meme(folder, MEME + MATRIX)


@case("Motifs", "motifs of proteins", "'ALPHABET= ACDEFGHIKLMNPQRSTVWY'; expected the alphabet ACGT")
def _(folder):
    meme(folder, MEME.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY") + "MOTIF a\n" + MATRIX)


@case(
    "Motifs",
    "rows that are missing, too short, negative or NaN; a motif given twice",
    "a: 1 rows, w= says 2",
    "b: expected four probabilities in every row",
    "c: expected four probabilities",
    "d: 1 rows, w= says 2",
    "motif 'e' is there twice",
)
def _(folder):
    last = "0.4 0.3 0.2 0.1\n"
    texts = {
        "a": MATRIX.replace(last, ""),
        "b": MATRIX.replace(last, "0.4 0.3 0.3\n"),
        "c": MATRIX.replace(last, "-0.4 0.3 0.2 0.9\n"),
        "d": MATRIX.replace(last, "nan 0.3 0.2 0.1\n"),
    }
    meme(folder, MEME + "".join(f"MOTIF {name}\n{text}" for name, text in texts.items()) + f"MOTIF e\n{MATRIX}" * 2)


def request(body):
    """What is said about a request."""
    from cisflow.serve.answers import read_body
    from cisflow.serve.requests import Limits, Offer, Refusal, check_request

    offer = Offer("point", ("expression",), ["expression"], "yeast", "saccharomyces_cerevisiae")
    try:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        check_request(read_body(data, "application/json"), offer, Limits(sequences=2, length=100))
    except Refusal as refusal:
        return f"{refusal.status}: " + "; ".join(refusal.messages)
    return ""


TASK = {"name": "t", "type": "expression", "cell_type": "yeast", "species": "saccharomyces_cerevisiae"}


@case("Requests", "a body that is no JSON", "400: the body is not application/json")
def _(folder):
    return request(b"{readout: point}")


@case("Requests", "missing keys", "400: missing: prediction_tasks, sequences")
def _(folder):
    return request({"readout": "point"})


@case(
    "Requests",
    "a species and a type that are not offered, a readout of none",
    "400:",
    "not offered",
    "none of the schema",
    "expected one of point, track",
)
def _(folder):
    tasks = [{**TASK, "species": "homo_sapiens"}, {**TASK, "name": "u", "type": "colour"}]
    return request({"readout": "points", "prediction_tasks": tasks, "sequences": {"a": "ACGT"}})


@case(
    "Requests",
    "letters that are no bases, sequences that are empty or too long",
    "422:",
    "letter 'U'; expected A, C, G, T or N",
    "sequence 'b' is empty",
)
def _(folder):
    return request({"readout": "point", "prediction_tasks": [TASK], "sequences": {"a": "ACGU", "b": ""}})


@case("Requests", "more sequences than are answered", "422: 3 sequences; at most 2 are answered at once")
def _(folder):
    return request({"readout": "point", "prediction_tasks": [TASK], "sequences": dict.fromkeys("abc", "ACGT")})


def unpack(archive, member="x.csv"):
    """Take a member out of an archive."""
    from cisflow.downloads.archive import unpack_member

    unpack_member(archive, member, archive.with_name("out"))


def tar_of(path, *members):
    """A tar archive of members (name, kind, where a link points)."""
    with tarfile.open(path, "w") as tar:
        for name, kind, link in members:
            about = tarfile.TarInfo(name)
            about.type, about.linkname, about.size = kind, link, 2 if kind == tarfile.REGTYPE else 0
            tar.addfile(about, io.BytesIO(b"1\n"))
    return path


@case(
    "Archives and runs",
    "an archive with a member that leads out of its folder",
    "1 members would lie outside of the folder, e.g. '../../.bashrc': the archive is not unpacked",
)
def _(folder):
    unpack(tar_of(folder / "a.tar", ("x.csv", tarfile.REGTYPE, ""), ("../../.bashrc", tarfile.REGTYPE, "")))


@case("Archives and runs", "a member that is a link", "member 'x.csv' is a link or a device, not a file")
def _(folder):
    unpack(tar_of(folder / "a.tar", ("x.csv", tarfile.SYMTYPE, "/etc/passwd")))


@case("Archives and runs", "a member that is not there", "no member is called 'x.csv'; the archive holds: data/y.csv")
def _(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as packed:
        packed.writestr("data/y.csv", "1\n")
    unpack(folder / "a.zip")


@case("Archives and runs", "an archive cut short", "a.tar.xz: a damaged archive, or none")
def _(folder):
    import lzma

    tar = tar_of(folder / "a.tar", ("x.csv", tarfile.REGTYPE, "")).read_bytes()
    unpack(write(folder / "a.tar.xz", lzma.compress(tar)[:80]))


@case(
    "Archives and runs",
    "a folder that is no run",
    "no manifest; expected the folder of a finished run, e.g. results/demo",
)
def _(folder):
    command("verify", folder)


@case(
    "Archives and runs", "a manifest that is none", "not the manifest of a run: expected JSON with files and versions"
)
def _(folder):
    write(folder / "manifest.json", '{"files": [1]}')
    command("verify", folder)
