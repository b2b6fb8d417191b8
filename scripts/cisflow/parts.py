"""A long table that a killed job continues: finished parts wait in a folder until the whole is there.

Purpose: work of hours over thousands of items loses minutes at most. Inputs: tables of consecutive items. Outputs:
``<folder>/<key>/<first>-<end>.parquet``, whole or absent; read again by a job whose key (digest of all that the table
depends on) is the same.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cisflow.files import write_table
from cisflow.joblog import logger

if TYPE_CHECKING:
    import polars as pl

_NAME = re.compile(r"(\d{9})-(\d{9})\.parquet")


class Parts:
    """Finished parts of a table.

    Parameters
    ----------
    folder : path
    key : str
        Parts of other keys are not touched.

    Attributes
    ----------
    done : int
        Items from the first on whose rows are in parts.
    """

    def __init__(self, folder: str | Path, key: str):
        self.folder = Path(folder) / key
        self._paths: list[Path] = []
        self.done = 0
        found = {}
        for path in self.folder.glob("*.parquet"):
            if name := _NAME.fullmatch(path.name):
                found[int(name[1])] = (int(name[2]), path)
        while self.done in found:
            self.done, path = found[self.done]
            self._paths.append(path)
        if self.done:
            logger.info("continues after %s finished items (%s)", f"{self.done:,}", self.folder)

    def append(self, table: pl.DataFrame, items: int) -> None:
        """Add the rows of the next ``items`` items; there may be none."""
        path = self.folder / f"{self.done:09d}-{self.done + items:09d}.parquet"
        write_table(table, path)
        self._paths.append(path)
        self.done += items

    def tables(self) -> Iterator[pl.DataFrame]:
        """Parts in the order of the items."""
        import polars as pl

        return (pl.read_parquet(path) for path in self._paths)

    def remove(self) -> None:
        """Remove the folder: the table has been written."""
        shutil.rmtree(self.folder, ignore_errors=True)
