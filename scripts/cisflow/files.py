"""Files that are either whole or absent.

Purpose: atomic writes (temporary name beside the target, then rename), tables by file suffix, checksums.
Inputs and outputs: ``.tsv``, ``.tsv.gz``, ``.csv``, ``.csv.gz``, ``.txt.gz`` and ``.parquet`` tables, JSON, YAML.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.problems import InputError, Problem
from cisflow.storage import StorageError, storage_problem

if TYPE_CHECKING:  # imported where a table is read or written: a job that needs none starts sooner
    import pandas as pd


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``target`` only when the block ends without an error.

    Parameters
    ----------
    target : path
        Final name. Its folder is made when missing.

    Yields
    ------
    Path
        Temporary path in the same folder with the same suffixes (so that writers that look at the suffix work).

    Raises
    ------
    StorageError
        When the disk is full or may not be written to.
    """
    target = Path(target)
    temporary = target.with_name(f".{os.getpid()}.partial.{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, target)
    except (StorageError, InputError):  # the former of a file that was written for this one
        raise
    except Exception as error:  # libraries tell a full disk by many types of error
        if told := storage_problem(error, target):
            raise StorageError(told) from error
        raise
    finally:
        with suppress(OSError):  # on a disk that may not be written to there is none
            temporary.unlink(missing_ok=True)


def remove_partial(target: str | Path) -> None:
    """Remove what killed processes left of a file: its temporary names, see :func:`atomic_path`."""
    target = Path(target)
    for left in target.parent.glob(f".*.partial.{glob.escape(target.name)}"):
        left.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(value: Any, path: str | Path) -> None:
    """Write sorted, indented JSON atomically."""
    write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", path)


def _separator(path: Path) -> str:
    return "," if ".csv" in path.suffixes else "\t"


def write_table(table: Any, path: str | Path) -> None:
    """Write a pandas or polars table atomically, in the format of the suffix.

    Parameters
    ----------
    table : pandas.DataFrame or polars.DataFrame
        Written without an index. The same table gives the same bytes.
    path : path
        ``.parquet``, or tab-separated text (``.tsv``, ``.tsv.gz``), or comma-separated (``.csv``).
    """
    path = Path(path)
    with atomic_path(path) as temporary:
        if path.suffix == ".parquet":
            if hasattr(table, "write_parquet"):
                table.write_parquet(temporary, compression="zstd")
            else:
                table.to_parquet(temporary, index=False, compression="zstd")
            return
        frame = table.to_pandas() if hasattr(table, "to_pandas") else table
        # gzip records a time stamp unless told otherwise: equal tables must give equal bytes.
        compression: Any = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
        frame.to_csv(temporary, sep=_separator(path), index=False, compression=compression)


def write_arrays(arrays: Mapping[str, Any], path: str | Path) -> None:
    """Write arrays by name as a compressed ``.npz``; equal content gives equal bytes."""
    import numpy as np

    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


@contextmanager
def opened_arrays(path: str | Path, what: str) -> Iterator[Any]:
    """Open a ``.npz`` file of arrays while the block runs.

    Parameters
    ----------
    path : path
    what : str
        What it should be, for the message.

    Raises
    ------
    InputError
        When the file is missing, or the block asks for an array or a value that it does not hold.
    """
    import numpy as np

    try:
        with np.load(path) as arrays:
            yield arrays
    except (OSError, EOFError, ValueError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(Problem(str(path), f"cannot be read as {what}: {error}")) from None


def read_table(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a table in the format of its suffix (``.parquet``, else tab- or comma-separated text)."""
    import pandas as pd

    path = Path(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path, **options)
    return pd.read_csv(path, sep=_separator(path), **options)


def sha256(path: str | Path) -> str:
    """Hex digest of a file, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class TableWriter:
    """A table written block by block, in the format of its suffix; the file appears when the ``with`` block ends well.

    Parameters
    ----------
    path : path
        ``.parquet``, or tab- or comma-separated text, plain or gzip, as in :func:`write_table`.
    schema : mapping of polars type by str
        Columns; every block has exactly these. A table without blocks has the columns and no rows.
    """

    def __init__(self, path: str | Path, schema: Mapping[str, Any]):
        self._path, self._schema = Path(path), schema
        self._open = ExitStack()

    def __enter__(self) -> TableWriter:
        import polars as pl

        temporary = self._open.enter_context(atomic_path(self._path))
        empty = pl.DataFrame(schema=self._schema)
        if self._path.suffix == ".parquet":
            import pyarrow.parquet as pq

            schema = empty.to_arrow().schema
            writer = self._open.enter_context(pq.ParquetWriter(temporary, schema, compression="zstd"))
            self._write = lambda block: writer.write_table(block.to_arrow())
        else:
            text = self._open.enter_context(open(temporary, "wb"))
            if self._path.suffix == ".gz":
                text = self._open.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=text, mtime=0))
            separator = _separator(self._path)
            self._write = lambda block: block.write_csv(text, include_header=False, separator=separator)
            empty.write_csv(text, separator=separator)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def write(self, block: Any) -> None:
        """Append a polars table."""
        self._write(block.select(*self._schema))
