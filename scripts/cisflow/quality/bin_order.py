"""Whether the elements' reads contradict the order of the sorted bins in the bins sheet.

Inputs: reads per element and sorted bin, in the order of the sheet. Outputs: which two bins were exchanged, if any.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numba import njit

#: With three bins the reads left out of a comparison of two lie in one bin and say nothing about the order.
FEWEST_BINS = 4
#: Elements with most reads that are looked at; more only cost time.
MOST_ELEMENTS = 20_000
#: An element counts at most as much as this many elements of median reads, so that no clone decides alone.
LARGEST_ELEMENT = 10.0
#: Standard errors by which two bins must contradict the sheet. 18 bins make 153 comparisons; at 5 one run in ten
#: thousand would be accused by chance.
CONTRADICTION = 5.0
#: Variance of places below which all elements lie in the same place, up to rounding.
SAME_PLACE = 1e-12
#: An exchange must leave less than this share of the cases in which distant bins share more elements than close ones.
UNLIKE = 0.2
#: An exchange that leaves more than this share of the contradictions is not all that is wrong.
UNEXPLAINED = 0.2
#: Exchanges that explain nearly as much as the best one are told with it.
NEARLY = 0.02


@dataclass(frozen=True)
class BinOrder:
    """What the reads say about the order of the bins.

    Attributes
    ----------
    checked : bool
        False with too few bins that have reads.
    strongest : float
        Largest contradiction between two bins, in standard errors; 0 when there is none.
    pair : tuple of int
        The two bins of that contradiction; empty when there is none.
    swaps : list of (int, int)
        Exchanges of two bins that make the order consistent: more than one where the reads cannot tell them apart.
        Empty when there is no contradiction or when no exchange of two bins explains one.
    left : float
        Share of the contradictions that the exchange leaves.
    """

    checked: bool
    strongest: float
    pair: tuple[int, ...]
    swaps: list[tuple[int, int]]
    left: float = 0.0

    @property
    def contradicted(self) -> bool:
        """Whether chance cannot explain the contradiction."""
        return self.strongest > CONTRADICTION


@njit(cache=True, error_model="numpy")
def _distances(shares, places):
    """Distance of every two bins in standard errors; positive where the second of them is the higher.

    For bins a and b, each element's mean place is taken over the other bins; the elements of the reads in b should lie
    higher than those of the reads in a.
    """
    n, n_bins = shares.shape
    total, moment = np.zeros(n), np.zeros(n)
    for i in range(n):
        for b in range(n_bins):
            total[i] += shares[i, b]
            moment[i] += shares[i, b] * places[b]
    result = np.zeros((n_bins, n_bins))
    elsewhere = np.empty(n)
    for a in range(n_bins):
        for b in range(a + 1, n_bins):
            weight_a, weight_b, sum_a, sum_b = 0.0, 0.0, 0.0, 0.0
            for i in range(n):
                rest = total[i] - shares[i, a] - shares[i, b]
                if rest <= 1e-9 * total[i]:
                    elsewhere[i] = np.nan
                    continue
                elsewhere[i] = (moment[i] - shares[i, a] * places[a] - shares[i, b] * places[b]) / rest
                weight_a += shares[i, a]
                weight_b += shares[i, b]
                sum_a += shares[i, a] * elsewhere[i]
                sum_b += shares[i, b] * elsewhere[i]
            if weight_a <= 0.0 or weight_b <= 0.0:
                continue
            mean_a, mean_b = sum_a / weight_a, sum_b / weight_b
            mean = (sum_a + sum_b) / (weight_a + weight_b)
            own_scatter, squares, spread = 0.0, 0.0, 0.0
            for i in range(n):
                if elsewhere[i] == elsewhere[i]:
                    in_a, in_b = shares[i, a] / weight_a, shares[i, b] / weight_b
                    own_scatter += (in_b * (elsewhere[i] - mean_b) - in_a * (elsewhere[i] - mean_a)) ** 2
                    squares += in_a**2 + in_b**2
                    spread += (shares[i, a] + shares[i, b]) / (weight_a + weight_b) * (elsewhere[i] - mean) ** 2
            # The pooled spread keeps a bin that by chance lacks the rare far elements from looking certain.
            variance = max(own_scatter, squares * spread)
            if spread > SAME_PLACE:
                result[a, b] = (mean_b - mean_a) / np.sqrt(variance)
                result[b, a] = -result[a, b]
    return result


def _contradiction(distance: np.ndarray, places: np.ndarray) -> float:
    """Sum of the squared distances of pairs of bins that lie the wrong way round."""
    wrong = distance * np.sign(places[None, :] - places[:, None])
    return float(np.square(np.minimum(wrong, 0)).sum() / 2)


def _similarity(counts: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Cosine of the elements' shares in every two bins; chance pairs of a read with itself are taken out."""
    shares = counts * weight[:, None] / counts.sum(axis=0)
    products = shares.T @ shares
    single = ((weight**2) @ counts) / counts.sum(axis=0).astype(float) ** 2
    own = np.diag(products)
    length = np.sqrt(np.where(own > 2 * single, own - single, own))
    return products / (length[:, None] * length)


def _far_more_alike(similarity: np.ndarray, places: np.ndarray) -> float:
    """Sum over all triples of bins of how much more alike the outer two are than one of them and the middle one."""
    order = np.argsort(places)
    alike = similarity[np.ix_(order, order)]
    i, j, k = np.array(list(combinations(range(places.size), 3))).T
    outer = alike[i, k]
    return float((np.maximum(outer - alike[i, j], 0) + np.maximum(outer - alike[j, k], 0)).sum())


def check_bin_order(counts: np.ndarray) -> BinOrder:
    """Compare the order of the bins with the elements that they share.

    Two bins a and b are compared by the other bins alone: in which of them do the elements lie whose reads are in a,
    and in which those whose reads are in b? The elements of the higher bin must lie higher. This holds for every pair
    when the cells of an element spread in one hump (more precisely, when the share of cells in a higher over a lower
    bin rises with expression), whatever the width, depth and clonality of the bins, because a bin is never compared
    with itself. Standard errors come from the scatter between elements, so that few reads give no contradiction.

    A contradiction is explained by trying every exchange of two bins. An exchange must also bring bins together that
    share elements: a low gate with cells of all elements lies too high by the mean of its elements, but its own
    elements are still shared with its neighbour in the sheet.

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
        Reads per element and sorted bin, in the order of the positions in the sheet. Bins without reads are left out.

    Returns
    -------
    BinOrder
    """
    totals = counts.sum(axis=0)
    (used,) = np.nonzero(totals > 0)
    if used.size < FEWEST_BINS:
        return BinOrder(False, 0.0, (), [])
    reads = counts.sum(axis=1)
    several = np.flatnonzero((counts > 0).sum(axis=1) > 1)
    if several.size > MOST_ELEMENTS:
        several = several[np.argsort(-reads[several], kind="stable")[:MOST_ELEMENTS]]
    if not several.size:
        return BinOrder(True, 0.0, (), [])
    kept = counts[several][:, used]
    weight = np.minimum(1, LARGEST_ELEMENT * np.median(reads[several]) / reads[several])
    shares = kept / totals[used] * weight[:, None]
    shares /= shares.sum()

    places = np.arange(used.size, dtype=float)
    distance = _distances(shares, places)
    a, b = np.unravel_index(np.argmin(np.triu(distance)), distance.shape)
    strongest = -float(np.triu(distance)[a, b])
    if strongest <= 0:
        return BinOrder(True, 0.0, (), [])
    pair = (int(used[a]), int(used[b]))
    if strongest <= CONTRADICTION:
        return BinOrder(True, strongest, pair, [])
    similarity = _similarity(kept, weight)
    given, apart = _contradiction(distance, places), _far_more_alike(similarity, places)
    left = {}
    for i, j in combinations(range(used.size), 2):
        tried = places.copy()
        tried[[i, j]] = places[[j, i]]
        if _far_more_alike(similarity, tried) < UNLIKE * apart:
            left[int(used[i]), int(used[j])] = _contradiction(_distances(shares, tried), tried) / given
    best = min(left.values(), default=1.0)
    if (1 - best) * given < CONTRADICTION**2:
        return BinOrder(True, strongest, pair, [])
    return BinOrder(True, strongest, pair, [swap for swap, share in left.items() if share <= best + NEARLY], best)
