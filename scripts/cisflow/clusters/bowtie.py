"""Bowtie2 as a stream of (query, reference) pairs.

Inputs: columns of sequences. Outputs: blocks of index pairs, one per alignment that Bowtie2 reports. Its SAM output is
read from the pipe as it comes and never stored; only the numbers of query and reference are taken from it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numba import njit

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

BLOCK_BYTES = 1 << 22


def find_bowtie2() -> tuple[str, str]:
    """Paths of ``bowtie2`` and ``bowtie2-build``.

    Raises
    ------
    InputError
        When they are not installed; the message says how to install them.
    """
    found = [shutil.which(name) for name in ("bowtie2", "bowtie2-build")]
    if found[0] is None or found[1] is None:
        raise InputError(
            Problem(
                "bowtie2",
                "program not found; install it with `conda install -c conda-forge -c bioconda bowtie2=2.5.0` "
                "or `sudo apt-get install bowtie2`, or run with `--software-deployment-method conda`",
            )
        )
    return found[0], found[1]


def write_fasta(sequences: pl.Series, path: str | Path, padding: int = 0) -> None:
    """Write sequences as FASTA; the name of each is its 0-based row, ``padding`` Ns stand on both sides."""
    letters = "N" * padding
    table = pl.DataFrame({"name": pl.int_range(len(sequences), eager=True), "sequence": sequences})
    lines = table.select(pl.format(f">{{}}\n{letters}{{}}{letters}", "name", "sequence"))
    lines.write_csv(path, include_header=False, quote_style="never")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with code {done.returncode}: {done.stderr.strip()[-2000:]}")


@njit(cache=True, nogil=True)
def _read_pairs(data, query, reference):
    """Query and reference number of every complete line; -1 for an unaligned query. Returns lines and bytes used."""
    n = used = 0
    while True:
        i = used
        number = 0
        while i < data.size and data[i] != 9:  # tab
            number = number * 10 + data[i] - 48
            i += 1
        i += 1
        while i < data.size and data[i] != 9:  # flag
            i += 1
        i += 1
        target = 0
        while i < data.size and data[i] != 9:
            target = -1 if data[i] == 42 else target * 10 + data[i] - 48  # *
            i += 1
        while i < data.size and data[i] != 10:
            i += 1
        if i >= data.size:
            return n, used
        query[n], reference[n] = number, target
        n += 1
        used = i + 1


class Index:
    """Bowtie2 index of a column of sequences, in a temporary folder that ends with the ``with`` block.

    Parameters
    ----------
    sequences : polars.Series of str
        The database; rows are its 0-based numbers.
    padding : int
        Ns on both sides of every sequence, so that bases inserted at its ends can be aligned.
    threads : int
        Of bowtie2-build and bowtie2; the result does not depend on it.
    """

    def __init__(self, sequences: pl.Series, padding: int = 0, threads: int = 1):
        self._sequences, self._padding, self._threads = sequences, padding, threads
        self._aligner, self._builder = find_bowtie2()

    def __enter__(self) -> Index:
        self._folder = tempfile.TemporaryDirectory(prefix="cisflow_bowtie2_")
        fasta = self._path("database.fa")
        write_fasta(self._sequences, fasta, self._padding)
        _run([self._builder, "--quiet", "--threads", str(self._threads), fasta, self._path("index")])
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def _path(self, name: str) -> str:
        return str(Path(self._folder.name) / name)

    def align(
        self, queries: pl.Series, options: Sequence[str], block_bytes: int = BLOCK_BYTES
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Align queries to the database.

        Parameters
        ----------
        queries : polars.Series of str
            Rows are their 0-based numbers.
        options : sequence of str
            Options of bowtie2 beside the files and threads; they must leave out the header (``--no-head``).

        Yields
        ------
        query, reference : ndarray of int64
            One entry per reported line; ``reference`` is -1 for a query that does not align.
        """
        fasta = self._path("queries.fa")
        write_fasta(queries, fasta)
        command = [self._aligner, *options, "-p", str(self._threads), "-x", self._path("index"), "-U", fasta]
        logger.info("%s queries, %s references: %s", len(queries), len(self._sequences), " ".join(options))
        rest = b""
        with (
            open(self._path("messages.txt"), "w+", encoding="utf-8") as messages,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages) as process,
        ):
            while chunk := process.stdout.read(block_bytes):  # type: ignore[union-attr]
                text = rest + chunk
                data = np.frombuffer(text, np.uint8)
                n_lines = int(np.count_nonzero(data == 10))
                query, reference = np.empty(n_lines, np.int64), np.empty(n_lines, np.int64)
                n, used = _read_pairs(data, query, reference)
                rest = text[used:]
                yield query[:n], reference[:n]
            code = process.wait()
            messages.seek(0)
            said = messages.read().strip()
        if code or rest:
            raise RuntimeError(f"bowtie2 ended with code {code}: {said[-2000:]}")
        logger.info("bowtie2: %s", " ".join(said.split()))
