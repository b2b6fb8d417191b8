"""Bowtie2 as a stream of (query, reference) pairs.

Inputs: columns of sequences. Outputs: an index, and blocks of index pairs, one per alignment that Bowtie2 reports. Its
SAM output is read from the pipe as it comes and never stored; only the numbers of query and reference are taken from
it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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


def write_fasta(sequences: pl.Series, path: str | Path, padding: int = 0, names: pl.Series | None = None) -> None:
    """Write sequences as FASTA; the name of each is its 0-based row, ``padding`` Ns stand on both sides."""
    letters = "N" * padding
    names = pl.int_range(len(sequences), eager=True) if names is None else names
    table = pl.DataFrame({"name": names, "sequence": sequences})
    lines = table.select(pl.format(f">{{}}\n{letters}{{}}{letters}", "name", "sequence"))
    lines.write_csv(path, include_header=False, quote_style="never")


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


def build_index(sequences: pl.Series, prefix: str | Path, padding: int = 0, threads: int = 1) -> None:
    """Build a Bowtie2 index.

    Parameters
    ----------
    sequences : polars.Series of str
        The database; rows are its 0-based numbers.
    prefix : path
        Files of the index are called ``<prefix>.1.bt2`` and so on.
    padding : int
        Ns on both sides of every sequence, so that bases inserted at its ends can be aligned.
    threads : int
        Of bowtie2-build; the index does not depend on it.
    """
    fasta = Path(f"{prefix}.fa")
    write_fasta(sequences, fasta, padding)
    command = [find_bowtie2()[1], "--quiet", "--threads", str(threads), str(fasta), str(prefix)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"bowtie2-build ended with code {done.returncode}: {done.stderr.strip()[-2000:]}")
    fasta.unlink()


@contextmanager
def temporary_index(sequences: pl.Series, padding: int = 0, threads: int = 1) -> Iterator[Index]:
    """Index of a column of sequences (see :func:`build_index`) that ends with the ``with`` block."""
    find_bowtie2()
    with tempfile.TemporaryDirectory(prefix="cisflow_bowtie2_") as folder:
        build_index(sequences, Path(folder) / "index", padding, threads)
        yield Index(Path(folder) / "index", threads)


class Index:
    """A Bowtie2 index on disk.

    Parameters
    ----------
    prefix : path
        As given to :func:`build_index`.
    threads : int
        Of bowtie2; the set of alignments does not depend on it.
    """

    def __init__(self, prefix: str | Path, threads: int = 1):
        self._prefix, self._threads = str(prefix), threads

    @contextmanager
    def stream(self, queries: pl.Series, options: Sequence[str], names: pl.Series | None = None) -> Iterator[IO[bytes]]:
        """Align queries; the ``with`` block reads Bowtie2's SAM output to its end.

        Parameters
        ----------
        queries : polars.Series of str
        options : sequence of str
            Options of bowtie2 beside the files and threads.
        names : polars.Series of int64, optional
            Number of each query; its row by default. Bowtie2's choices for a query depend on its name.

        Raises
        ------
        RuntimeError
            When Bowtie2 fails; with its message.
        """
        logger.info("%s queries: bowtie2 %s", f"{len(queries):,}", " ".join(options))
        with tempfile.TemporaryDirectory(prefix="cisflow_bowtie2_") as folder:
            fasta = str(Path(folder) / "queries.fa")
            write_fasta(queries, fasta, names=names)
            command = [find_bowtie2()[0], *options, "-p", str(self._threads), "-x", self._prefix, "-U", fasta]
            with (
                open(Path(folder) / "messages.txt", "w+", encoding="utf-8") as messages,
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages) as process,
            ):
                yield process.stdout  # type: ignore[misc]
                code = process.wait()
                messages.seek(0)
                said = messages.read().strip()
        if code:
            raise RuntimeError(f"bowtie2 ended with code {code}: {said[-2000:]}")
        logger.info("bowtie2: %s", " ".join(said.split()))

    def pairs(
        self,
        queries: pl.Series,
        options: Sequence[str],
        names: pl.Series | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Align queries to the database.

        Parameters
        ----------
        queries, options, names
            As in :meth:`stream`; the options must leave out the header (``--no-head``).

        Yields
        ------
        query, reference : ndarray of int64
            One entry per reported line; ``reference`` is -1 for a query that does not align.
        """
        rest = b""
        with self.stream(queries, options, names) as output:
            while chunk := output.read(block_bytes):
                text = rest + chunk
                data = np.frombuffer(text, np.uint8)
                n_lines = int(np.count_nonzero(data == 10))
                query, reference = np.empty(n_lines, np.int64), np.empty(n_lines, np.int64)
                n, used = _read_pairs(data, query, reference)
                rest = text[used:]
                yield query[:n], reference[:n]
        if rest:
            raise RuntimeError("bowtie2's output ends inside a line")
