"""Names of the records of a FASTQ block.

Inputs: a block of records. Outputs: a column of names, without a Python object per read on the way.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numba import njit

from cisflow.reads.fastq import FastqBlock
from cisflow.reads.ragged import Sequences

NEWLINE, BLANK, TAB, CARRIAGE_RETURN = 10, 32, 9, 13


@njit(cache=True, nogil=True)
def _find_names(data, sequence_start, start, length):
    for i in range(len(sequence_start)):
        end = sequence_start[i] - 1  # the newline of the name line
        first = end
        while first > 0 and data[first - 1] != NEWLINE:
            first -= 1
        first += 1  # the @
        stop = first
        while stop < end and data[stop] != BLANK and data[stop] != TAB and data[stop] != CARRIAGE_RETURN:
            stop += 1
        start[i], length[i] = first, stop - first


def read_names(block: FastqBlock) -> pl.Series:
    """Names of the records: what follows the ``@`` up to the first blank or tab.

    Parameters
    ----------
    block : FastqBlock
        n records.

    Returns
    -------
    polars.Series of str, shape (n,)
    """
    start, length = np.empty(len(block), np.int64), np.empty(len(block), np.int64)
    _find_names(block.data, block.sequence_start, start, length)
    return Sequences(block.data, start, length).to_series("name")
