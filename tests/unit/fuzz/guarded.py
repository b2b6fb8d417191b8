"""Compiled loops over bytes, on arrays between forbidden pages of memory: reading beyond ends the process.

``python guarded.py FOLDER CASES SEED``. The input at hand is in ``FOLDER/input`` when the process ends early.
"""

from __future__ import annotations

import ctypes
import mmap
import random
import sys
from pathlib import Path

import numpy as np

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
STRUCTURES = (
    "TGCATTTTTTTCACATC {variable:48-112} GGTTACGGCTGTT",
    "{umi:4} ACGT {variable:1-200}",
    "{skip:0-3} ACGTACGTACGT {variable:5}",
    "{variable:80}",
    "{barcode:3} {variable:1-9} / {umi:5} {skip:2}",
)
KEPT = []  # the memory behind the arrays


def guarded(size: int, at_end: bool) -> np.ndarray:
    """Array of bytes that ends (or begins) at a page that can be neither read nor written."""
    pages = max(1, -(-size // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (0, pages + 1):
        if LIBC.mprotect(ctypes.c_void_p(address + page * PAGE), PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    KEPT.append(memory)
    return np.frombuffer(memory, np.uint8, size, PAGE + (pages * PAGE - size if at_end else 0))


class Arrays:
    """numpy, whose new arrays of bytes are guarded."""

    def __init__(self, at_end: bool):
        self.at_end = at_end

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype=float):
        """As ``numpy.empty``."""
        return guarded(shape, self.at_end) if dtype is np.uint8 and isinstance(shape, int) else np.empty(shape, dtype)


def any_reads(rng: random.Random) -> bytes:
    """FASTQ of reads of any length, sometimes damaged."""
    records = []
    for number in range(rng.randint(1, 6)):
        pieces = [rng.choice(["TGCATTTTTTTCACATC", "GGTTACGGCTGTT", "ACGTACGTACGT", "ACG", ""]) for _ in range(2)]
        bases = [rng.choice("ACGTN") for _ in range(rng.choice([0, 1, 7, 8, 9, 40, 76, 80, 111]))]
        text = "".join([pieces[0], *bases, pieces[1]])
        records.append(f"@{number}\n{text}\n+\n{rng.choice('!#I~') * len(text)}\n")
    data = bytearray("".join(records).encode())
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        place = rng.randrange(len(data))
        data[place : place + rng.choice([0, 1, 9])] = rng.choice([b"", b"\n", b"\r\n", b"\xff", b"@", b"+", b"A" * 30])
    return bytes(data)


def try_reads(rng: random.Random, folder: Path, at_end: bool) -> None:
    """Read, merge, cut and count."""
    from cisflow.problems import InputError
    from cisflow.reads import fastq
    from cisflow.reads.count import ReadSettings, count_reads
    from cisflow.reads.names import read_names

    fastq.np = Arrays(at_end)
    first, second = any_reads(rng), any_reads(rng)
    structure, paired, size = rng.choice(STRUCTURES), rng.random() < 0.7, rng.choice([40, 64, 200, 4096])
    (folder / "input").write_bytes(first + b"\n====\n" + second + f"\n{structure} {paired} {size}\n".encode())
    files = folder / "1.fastq", folder / "2.fastq"
    files[0].write_bytes(first)
    files[1].write_bytes(second)
    orientation = rng.choice(["either", "forward"]) if structure in STRUCTURES[:2] else "forward"
    rule = rng.choice(["published", "best"])
    settings = ReadSettings(structure, 40, 39, 0.75, 2, True, orientation=orientation, merge_rule=rule, memory_mb=10)
    mates = [files[1]] if paired or "/" in structure else []
    try:
        for block in fastq.read_fastq(files[0], size):
            read_names(block)
        count_reads([files[0]], mates, settings, "bin", size, ["ACG"] if "barcode" in structure else [])
    except InputError:
        pass


def try_alignments(rng: random.Random, at_end: bool) -> None:
    """Numbers out of Bowtie2's lines."""
    from cisflow.clusters.bowtie import _read_pairs

    lines = [f"{rng.randint(0, 99)}\t0\t{rng.choice(['*', '7'])}\t1\n" for _ in range(rng.randint(0, 4))]
    text = "".join(lines).encode()[: rng.randint(0, 60)] + rng.choice([b"", b"\t", b"\n", b"\t\t\t\n", b"\xff"])
    data = guarded(len(text), at_end)
    data[:] = np.frombuffer(text, np.uint8)
    n = text.count(b"\n")
    _read_pairs(data, np.empty(n, np.int64), np.empty(n, np.int64))


def try_pairs(rng: random.Random, folder: Path, at_end: bool) -> None:
    """Pixels out of a list of pairs."""
    from cisflow.contacts import pairs
    from cisflow.problems import InputError

    rows = [f"r\tchr{rng.randint(1, 2)}\t{rng.randint(1, 700)}\tchr1\t5\t+\n" for _ in range(rng.randint(0, 9))]
    header = "## pairs format v1.0\n#chromsize: chr1 1000\n#chromsize: chr2 600\n#columns: readID chr1 pos1 chr2 pos2\n"
    data = (header + "".join(rows)).encode()[: rng.choice([10_000, 150, 190])] + rng.choice(
        [b"", b"\n\n", b"\t", b"\r"]
    )
    (folder / "a.pairs").write_bytes(data)
    try:
        for _ in pairs.bin_pairs([folder / "a.pairs"], 100, 1, folder)[0]:
            pass
    except InputError:
        pass


def main(folder: Path, cases: int, seed: int) -> None:
    """Try many inputs; deterministic."""
    import logging

    logging.disable(logging.CRITICAL)
    from cisflow.contacts import pairs

    rng = random.Random(seed)
    try_pairs(rng, folder, True)  # compiles, for which numpy has to be numpy
    for number in range(cases):
        at_end = rng.random() < 0.7
        pairs.np, pairs.TEXT = Arrays(at_end), 128
        try_reads(rng, folder, at_end)
        try_alignments(rng, at_end)
        if number % 4 == 0:
            try_pairs(rng, folder, at_end)
        if number % 50 == 0:
            KEPT.clear()
    print("all inside")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
