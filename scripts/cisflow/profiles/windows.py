"""Windows of an assay, cut from the arrays that :mod:`cisflow.profiles.prepare` wrote.

Inputs: ``sequences.npy``, ``counts.npy``. Outputs: batches of base codes and counts. The arrays stay on disk and are
mapped into memory: jobs on one machine share them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cisflow.contacts.genome import reverse_complement
from cisflow.problems import InputError, Problem


class WindowStore:
    """Bases and counts of the regions of an assay.

    Parameters
    ----------
    sequences, counts : path
        uint8 (regions, input length + 2 x room) and counts (regions, output length + 2 x room).
    input_length, output_length : int
        Of the windows to cut.

    Raises
    ------
    InputError
        When the arrays are not for windows of these lengths.
    """

    def __init__(self, sequences: str | Path, counts: str | Path, input_length: int, output_length: int):
        self.sequences = np.load(sequences, mmap_mode="r")
        self.counts = np.load(counts, mmap_mode="r")
        self.input_length, self.output_length = input_length, output_length
        rooms = {self.sequences.shape[1] - input_length, self.counts.shape[1] - output_length}
        if len(rooms) != 1 or min(rooms) < 0 or min(rooms) % 2 or len(self.sequences) != len(self.counts):
            what = f"arrays of {self.sequences.shape} and {self.counts.shape} do not hold windows of {input_length} bp"
            raise InputError(Problem(str(sequences), f"{what} and profiles of {output_length} bp"))
        self.room = min(rooms) // 2

    def take(
        self, rows: np.ndarray, moves: np.ndarray | None = None, reverse: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bases and counts of regions.

        Parameters
        ----------
        rows : int array, (n,)
        moves : int array, (n,), optional
            Displacement of each window to the right (bp), at most :attr:`room` to either side.
        reverse : bool array, (n,), optional
            Which windows are read on the reverse strand.

        Returns
        -------
        codes : uint8 array, (n, input_length)
        counts : float32 array, (n, output_length)
        """
        start = self.room + (np.zeros(len(rows), dtype=np.int64) if moves is None else np.asarray(moves))
        if len(start) and (start.min() < 0 or start.max() > 2 * self.room):
            raise ValueError(f"windows can be moved by at most {self.room} bp")
        codes = self.sequences[rows[:, None], start[:, None] + np.arange(self.input_length)]
        counts = self.counts[rows[:, None], start[:, None] + np.arange(self.output_length)].astype(np.float32)
        if reverse is not None:
            codes[reverse] = reverse_complement(codes[reverse])
            counts[reverse] = counts[reverse][:, ::-1]
        return codes, counts
