"""Connected components of a graph whose edges come in blocks.

Inputs: pairs of node numbers. Outputs: the smallest node number of each node's component; independent of the order of
the edges.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _root(parent, node):
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def _join(parent, first, second):
    joined = 0
    for k in range(len(first)):
        if second[k] < 0:
            continue
        a, b = _root(parent, first[k]), _root(parent, second[k])
        if a != b:
            parent[max(a, b)] = min(a, b)
            joined += 1
    return joined


@njit(cache=True, nogil=True)
def _roots(parent, out):
    for node in range(len(parent)):
        out[node] = _root(parent, node)


class Components:
    """Union-find over ``n`` nodes in one array of int64."""

    def __init__(self, n: int):
        self._parent = np.arange(n, dtype=np.int64)

    def join(self, first: np.ndarray, second: np.ndarray) -> int:
        """Add edges (int64, shape (m,)); -1 in ``second`` means no edge. Returns how many joined two components."""
        return int(_join(self._parent, first, second))

    def labels(self) -> np.ndarray:
        """Smallest node of each node's component, int64, shape (n,)."""
        labels = np.empty_like(self._parent)
        _roots(self._parent, labels)
        return labels
