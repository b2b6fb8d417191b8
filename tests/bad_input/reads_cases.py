"""Wrong FASTQ files and sequences."""

from __future__ import annotations

import gzip
import struct

from bad_input import case, command, write


def reads(*sequences: str) -> str:
    """FASTQ records."""
    return "".join(f"@r{number}\n{bases}\n+\n{'I' * len(bases)}\n" for number, bases in enumerate(sequences, 1))


def read_all(path):
    """Read a FASTQ file to its end."""
    from cisflow.reads.fastq import read_fastq

    for _ in read_fastq(path):
        pass


@case("FASTQ", "a file that is not there", "no_such.fastq.gz: file not found; expected a FASTQ file")
def _(folder):
    command("count", "--read1", folder / "no_such.fastq.gz", "--output", folder / "bin.tsv")


@case("FASTQ", "a folder", "lane1.fastq: cannot be read: Is a directory")
def _(folder):
    (folder / "lane1.fastq").mkdir()
    command("count", "--read1", folder / "lane1.fastq", "--output", folder / "bin.tsv")


@case("FASTQ", "an empty file", "lane1.fastq: no reads in this file; expected FASTQ records")
def _(folder):
    command("count", "--read1", write(folder / "lane1.fastq", ""), "--output", folder / "bin.tsv")


@case("FASTQ", "FASTA", "lane1.fastq row 1: read 1 begins with '>r1'; expected a name line that begins with '@'")
def _(folder):
    read_all(write(folder / "lane1.fastq", ">r1\nACGT\n>r2\nACGT\n"))


@case("FASTQ", "a file that ends in mid-record", "row 7: read 2 has 3 of 4 lines; the file is truncated")
def _(folder):
    read_all(write(folder / "lane1.fastq", reads("ACGT") + "@r2\nACGT\n+\n"))


@case("FASTQ", "a quality line cut short, with CRLF line ends", "row 8: read 2 has 4 bases, but 2 quality characters")
def _(folder):
    read_all(write(folder / "lane1.fastq", (reads("ACGT") + "@r2\nACGT\n+\nII\n").replace("\n", "\r\n")))


@case("FASTQ", "a letter that is no base", "row 6: read 2 holds the letter 'U'", "expected only A, C, G, T and N")
def _(folder):
    read_all(write(folder / "lane1.fastq", reads("ACGT", "ACGUACGUACGU")))


@case("FASTQ", "lower-case bases", "row 2: read 1 holds the letter 'a'")
def _(folder):
    read_all(write(folder / "lane1.fastq", reads("acgt")))


@case(
    "FASTQ",
    "sequences over several lines",
    "row 3: the third line of read 1 is 'ACGT'; expected a line that begins with '+'",
)
def _(folder):
    read_all(write(folder / "lane1.fastq", "@r1\nACGT\nACGT\n+\nIIII\nIIII\n"))


@case(
    "FASTQ",
    "a gzip file that was not copied to its end",
    "lane1.fastq.gz: the gzip file ends early, after 0 whole reads; is the copy complete?",
)
def _(folder):
    read_all(write(folder / "lane1.fastq.gz", gzip.compress(reads("ACGT" * 20).encode(), mtime=0)[:-12]))


@case("FASTQ", "a gzip file with a changed byte", "the gzip file is damaged")
def _(folder):
    packed = bytearray(gzip.compress(reads(*["ACGT" * 20] * 50).encode(), mtime=0))
    packed[-6] ^= 0xFF
    read_all(write(folder / "lane1.fastq.gz", bytes(packed)))


@case("FASTQ", "pairs with one read more in a file", "3 reads in the first file, 2 in the second; expected pairs")
def _(folder):
    first = write(folder / "R1.fastq", reads("ACGT", "ACGT", "ACGT"))
    second = write(folder / "R2.fastq", reads("ACGT", "ACGT"))
    command("count", "--read1", first, "--read2", second, "--output", folder / "bin.tsv")


@case("FASTQ", "as many files of read 1 as not of read 2", "2 lanes of bin have read1, but 1 have read2")
def _(folder):
    first = [write(folder / f"L{lane}_R1.fastq", reads("ACGT")) for lane in (1, 2)]
    second = write(folder / "L1_R2.fastq", reads("ACGT"))
    command("count", "--read1", *first, "--read2", second, "--output", folder / "bin.tsv")


def genome(path):
    """Open a genome."""
    from cisflow.contacts.genome import Genome

    Genome(path)


@case("Sequences", "a genome that is not there", "genome.fa: file not found; expected a FASTA or 2bit file")
def _(folder):
    genome(folder / "genome.fa")


@case("Sequences", "an empty FASTA file", "genome.fa: the file is empty; expected FASTA records")
def _(folder):
    genome(write(folder / "genome.fa", ""))


@case(
    "Sequences",
    "FASTA without a header",
    "genome.fa row 1: starts with b'ACGTACGT\\nACGT\\n'; expected a FASTA header (>)",
)
def _(folder):
    genome(write(folder / "genome.fa", "ACGTACGT\nACGT\n"))


@case("Sequences", "a chromosome given twice", "genome.fa: 'chr1' is there twice; expected one record per chromosome")
def _(folder):
    genome(write(folder / "genome.fa", ">chr1 assembly A\nACGT\n>chr1 assembly B\nACGT\n"))


@case("Sequences", "a record without a name", "genome.fa: a record has no name")
def _(folder):
    genome(write(folder / "genome.fa", ">chr1\nACGT\n>\nACGT\n"))


@case("Sequences", "a name that is no UTF-8", "the name b'chr\\xe9' is no UTF-8 text")
def _(folder):
    genome(write(folder / "genome.fa", b">chr\xe9\nACGT\n"))


@case("Sequences", "a gzip FASTA file cut short", "genome.fa.gz: cannot be read to its end")
def _(folder):
    genome(write(folder / "genome.fa.gz", gzip.compress(b">chr1\nACGT\n", mtime=0)[:-9]))


@case("Sequences", "a 2bit file cut short", "genome.2bit: is no whole 2bit file: it ends early")
def _(folder):
    from cisflow.contacts.two_bit import write_two_bit

    write_two_bit(write(folder / "g.fa", ">chr1\n" + "ACGT" * 50 + "\n"), folder / "whole.2bit")
    genome(write(folder / "genome.2bit", (folder / "whole.2bit").read_bytes()[:-10]))


@case("Sequences", "a 2bit file of version 2", "genome.2bit: is no whole 2bit file", "version 2")
def _(folder):
    genome(write(folder / "genome.2bit", struct.pack("<4I", 0x1A412743, 2, 0, 0)))


def ordered(path):
    """Read ordered sequences."""
    from cisflow.clusters.ordered import read_ordered

    read_ordered(path)


@case(
    "Sequences",
    "ordered sequences: repeated and empty ids, other letters",
    "id 'a' was already given in row 1",
    "the id is empty",
    "is not made of A, C, G and T",
)
def _(folder):
    ordered(write(folder / "ordered.tsv", "a\tACGT\na\tACGA\n\tACCC\nb\tACGN\n"))


@case(
    "Sequences",
    "ordered sequences with a header",
    "ordered.tsv row 1: sequence 'SEQUENCE' of 'id' is not made of A, C, G and T (the table must not have a header)",
)
def _(folder):
    ordered(write(folder / "ordered.tsv", "id\tsequence\na\tACGT\n"))


@case(
    "Sequences", "ordered sequences separated by blanks", "has 1 cells; expected 2: id and sequence, separated by '\\t'"
)
def _(folder):
    ordered(write(folder / "ordered.tsv", "a ACGT\nb ACGA\n"))


@case("Sequences", "a folder in place of ordered sequences", "ordered.tsv: a folder, not a file; expected FASTA")
def _(folder):
    (folder / "ordered.tsv").mkdir()
    ordered(folder / "ordered.tsv")
