"""Connected components of a graph whose edges come in blocks.

Inputs: pairs of node numbers. Outputs: the smallest node number of each node's component; independent of the order of
the edges.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def find_root(parent, node):
    """Root of a node's component; shortens the path to it."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def link(parent, first, second):
    """Join the components of two nodes; returns the root of the joined one, its smallest node."""
    a, b = find_root(parent, first), find_root(parent, second)
    parent[max(a, b)] = min(a, b)
    return min(a, b)


@njit(cache=True, nogil=True)
def _join(parent, first, second, edges):
    """Add edges; fills ``edges`` with the places of those that joined two components and returns their number."""
    joined = 0
    for k in range(len(first)):
        if second[k] < 0:
            continue
        a, b = find_root(parent, first[k]), find_root(parent, second[k])
        if a != b:
            parent[max(a, b)] = min(a, b)
            edges[joined] = k
            joined += 1
    return joined


@njit(cache=True, nogil=True)
def _roots(parent, out):
    for node in range(len(parent)):
        out[node] = find_root(parent, node)


class Components:
    """Union-find over ``n`` nodes in one array of int64.

    Attributes
    ----------
    parent : ndarray of int64, shape (n,)
        A node of the same component, nearer to its root; the root itself is its own.
    """

    def __init__(self, n: int):
        self.parent = np.arange(n, dtype=np.int64)

    def join(self, first: np.ndarray, second: np.ndarray) -> int:
        """Add edges (int64, shape (m,)); -1 in ``second`` means no edge. Returns how many joined two components."""
        return len(self.spanning(first, second))

    def spanning(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Add edges as :meth:`join`; returns the places (int64) of those that joined two components.

        The edges at these places alone give the same components; they are fewer than the nodes.
        """
        edges = np.empty(len(first), np.int64)
        return edges[: _join(self.parent, first, second, edges)].copy()

    def labels(self) -> np.ndarray:
        """Smallest node of each node's component, int64, shape (n,)."""
        labels = np.empty_like(self.parent)
        _roots(self.parent, labels)
        return labels
