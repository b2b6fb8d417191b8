"""How much more than by chance the reads of an element scatter over the bins.

Purpose: reads of one cell are copies, and every element's DNA in a bin is amplified a little more or less than that of
others, so that read counts scatter more than independent draws. Both are needed for honest errors.
Inputs: reads per element and bin, an estimate to sort the elements by, cells per bin where known.
Outputs: :class:`Dispersion`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cisflow.expression.independent_reads import read_inflation

#: Odd number of 64 bits, the golden ratio's digits, that spreads reads over the bits of a key.
MIXER = np.uint64(0x9E3779B97F4A7C15)
#: Elements on either side, whose reads make the profile that an element is expected to have.
NEIGHBOURS = 10
#: Elements of nearly equal estimate among which the neighbours are those of nearly equal spread.
BLOCK = 100
#: Elements with the most reads that the scatter is measured on; more only cost time.
MOST_ELEMENTS = 4000
#: Fewer elements than this do not show a profile.
FEWEST_ELEMENTS = 200
#: Profiles in two bins have no width of their own.
LEAST_NORM = 1e-9
#: Height, place and width fit three bins exactly, which leaves no scatter to see.
FEWEST_BINS = 4
#: Elements with fewer reads than this do not show more scatter than that of single reads.
FEWEST_READS = 20


@dataclass(frozen=True)
class Dispersion:
    """Variance of the reads of an element in a bin: ``inflation * reads + amplification * reads^2``.

    Attributes
    ----------
    inflation : float64 ndarray, shape (n_bins,)
        1 + reads per cell, or what the scatter says where cells are unknown.
    amplification : float
        Square of the relative scatter that is left however many reads there are.
    copies_known : bool
        Whether ``inflation`` holds the reads per cell. If not, reads that lie close together may be copies of one cell.
    """

    inflation: np.ndarray
    amplification: float
    copies_known: bool

    def variance(self, counts: np.ndarray) -> np.ndarray:
        """Variance of reads, shape as ``counts``."""
        return self.inflation * counts + self.amplification * np.square(counts, dtype=float)


def canonical_order(estimate: np.ndarray, counts: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Order of the elements that does not depend on the order of the rows, up to elements that are equal in all.

    Equal estimates are told apart by a number made of the reads, and of ``other`` (float, one per element) where given.
    """
    key = np.zeros(len(counts), dtype=np.uint64)
    for column in counts.T:
        key = (key + column.astype(np.uint64)) * MIXER
    if other is not None:
        key = (key ^ np.ascontiguousarray(other, dtype=float).view(np.uint64)) * MIXER
    return np.lexsort((key, estimate))


def _in_order_of_spread(counts: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Order of rows, sorted by their estimates before, by spread within blocks of nearly equal estimates."""
    weighted = counts / np.maximum(counts.sum(axis=0), 1)
    weighted = weighted / weighted.sum(axis=1, keepdims=True)
    middle = np.einsum("ib,b->i", weighted, places)
    spread = np.einsum("ib,ib->i", weighted, (places - middle[:, None]) ** 2)
    return np.lexsort((spread, np.arange(len(counts)) // BLOCK))


def _neighbour_sums(counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Reads of the neighbours of every row, without the row itself, and their number."""
    n = len(counts)
    sums = np.vstack([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0, dtype=float)])
    first = np.clip(np.arange(n) - NEIGHBOURS, 0, n - 2 * NEIGHBOURS - 1)
    stop = first + 2 * NEIGHBOURS + 1
    return sums[stop] - sums[first] - counts, 2 * NEIGHBOURS


def _moments(
    counts: np.ndarray, places: np.ndarray, inflation: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared distances from the neighbours' profile, and what they are made of; rows sorted by their estimates.

    Returns the squares, and their expectations for independent reads of cells and for an amplification of 1.
    """
    around, n_around = _neighbour_sums(counts)
    reads, around_reads = counts.sum(axis=1, keepdims=True), around.sum(axis=1, keepdims=True)
    share = around / around_reads
    deviation = places - (share @ places)[:, None]
    spread = np.einsum("ib,ib->i", share, deviation**2)
    usable = spread > 0
    counts, share, reads, around_reads = counts[usable], share[usable], reads[usable], around_reads[usable]
    deviation = deviation[usable] / np.sqrt(spread[usable])[:, None]
    width = deviation**2 - 1 - np.einsum("ib,ib->i", share, deviation**3)[:, None] * deviation
    norm = np.einsum("ib,ib->i", share, width**2)
    width = width / np.sqrt(np.where(norm > LEAST_NORM, norm, np.inf))[:, None]
    expected = reads * share
    # An element has its own height, place and width: all three are taken out of the residual and of what its expected
    # square is made of. hat[i, b, c] is the change of the fit in bin b with the reads of bin c.
    hat = deviation[:, :, None] * deviation[:, None, :] + width[:, :, None] * width[:, None, :]
    hat = share[:, :, None] * (1 + hat)
    keep = (np.eye(places.size) - hat) ** 2
    residual = counts - expected
    residual = residual - np.einsum("ibc,ic->ib", hat, residual)
    by_reads = np.einsum("ibc,c,ic->ib", keep, inflation, expected) * (1 + reads / around_reads)
    by_square = np.einsum("ibc,ic->ib", keep, expected**2) * (1 + 1 / n_around)
    return residual**2, by_reads, by_square


def _fit(square: np.ndarray, by_reads: np.ndarray, by_square: np.ndarray, cells_known: bool) -> tuple[float, float]:
    """Factor of the inflation (at least 1; 1 where cells are known) and amplification (at least 0)."""
    amplification = max(0.0, float((square - by_reads).sum() / by_square.sum()))
    if cells_known:
        return 1.0, amplification
    used = by_reads > 0
    weight = 1 / by_reads[used]
    a, s, y = by_reads[used] * weight, by_square[used] * weight, square[used] * weight
    aa, as_, ss, ay, sy = (float((u * v).sum()) for u, v in ((a, a), (a, s), (s, s), (a, y), (s, y)))
    determinant = aa * ss - as_**2
    factor = (ss * ay - as_ * sy) / determinant if determinant > 0 else ay / aa
    if not factor > 1:
        return 1.0, amplification
    both = (aa * sy - as_ * ay) / determinant if determinant > 0 else 0.0
    return (factor, both) if both > 0 else (ay / aa, 0.0)


def estimate_dispersion(
    counts: np.ndarray, places: np.ndarray, estimate: np.ndarray, cells: np.ndarray | None = None
) -> Dispersion:
    """Estimate how much more than by chance reads scatter over the bins.

    Elements of equal expression are expected to spread over the bins alike. Every element is compared with its
    neighbours, which have nearly its estimate and its spread, after its own height, place and width are taken out; what
    its reads scatter around the neighbours' profile beyond independent reads of cells is amplification. Where cells are
    unknown the copies per cell are estimated too: their variance grows with the reads, that of amplification with the
    square. Profiles that differ otherwise add to both, which makes errors larger, never smaller.

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
        Reads per element and sorted bin, without pseudocount.
    places : float ndarray, shape (n_bins,)
        Position of the bins, in any increasing unit.
    estimate : float ndarray, shape (n,)
        Estimate to sort the elements by.
    cells : float ndarray, shape (n_bins,), optional
        Cells sorted into each bin; NaN where unknown.

    Returns
    -------
    Dispersion
        Amplification is 0 with too few elements, reads or bins to see it.
    """
    inflation = read_inflation(counts.sum(axis=0), cells)
    cells_known = cells is not None and bool(np.all(np.isfinite(cells)))
    known = np.flatnonzero(np.isfinite(estimate) & (counts.sum(axis=1) >= FEWEST_READS))
    if known.size < FEWEST_ELEMENTS or counts.shape[1] < FEWEST_BINS:
        return Dispersion(inflation, 0.0, cells_known)
    order = known[canonical_order(estimate[known], counts[known])]
    reads = counts[order].sum(axis=1)
    if order.size > MOST_ELEMENTS:
        order = order[reads >= np.sort(reads)[-MOST_ELEMENTS]][: 2 * MOST_ELEMENTS]
    places = np.asarray(places, dtype=float)
    order = order[_in_order_of_spread(counts[order], places)]
    moments = _moments(counts[order], places, inflation)
    factor, amplification = _fit(*moments, cells_known)
    return Dispersion(inflation * factor, amplification, True)
