"""Names beside points of a plot, placed so that they cover neither each other nor the points.

Inputs: a panel with its final limits, points and names. Outputs: texts on the panel, with a line where one is far off.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from cisflow.figures.style import GREY

#: Directions that are tried around a point, the best first, and distances from it in points (1/72 inch).
DIRECTIONS = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
DISTANCES = (5, 10, 18, 28, 40, 54, 70)
#: Names further off than this get a line to their point.
NEAR = 10
#: Half the side of the square that a point takes, in points.
POINT = 3.5
#: Half the width that a line takes, in points.
LINE = 1.2
#: Cost of covering something, of leaving the panel, and of each point of distance.
COVERED, OUTSIDE, PER_DISTANCE = 1.0, 4.0, 0.0004


def _overlap(box: np.ndarray, others: np.ndarray) -> float:
    """Area that a box (x0, y0, x1, y1) shares with others (n, 4)."""
    if not len(others):
        return 0.0
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float((width.clip(min=0) * height.clip(min=0)).sum())


def _along(corners: np.ndarray, step: float) -> np.ndarray:
    """Points along a line through the corners (k, 2), no further apart than a step."""
    parts = [
        np.linspace(start, end, max(2, int(np.ceil(np.linalg.norm(end - start) / step)) + 1))
        for start, end in pairwise(corners)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def label_points(
    panel: Axes,
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    *,
    fontsize: float = 7,
    avoid: np.ndarray | None = None,
    lines: Sequence[np.ndarray] = (),
) -> list[Annotation]:
    """Write names beside points; the places are found greedily, crowded points first.

    Parameters
    ----------
    panel : Axes
        Its limits and the layout of its figure are taken as final.
    x, y : sequence of float, (n,)
        In the panel's data coordinates.
    names : sequence of str, (n,)
    fontsize : float
    avoid : float array (m, 2), optional
        Other points, in data coordinates, that names should not cover.
    lines : sequence of float array (k, 2)
        Corners of lines, in data coordinates, that names should not cover.

    Returns
    -------
    list of Annotation
        In the order of the names.
    """
    figure = panel.figure
    figure.canvas.draw()
    renderer, scale = figure.canvas.get_renderer(), figure.dpi / 72
    points = panel.transData.transform(np.column_stack([x, y]))
    others = points if avoid is None else np.vstack([points, panel.transData.transform(avoid)])
    taken = np.column_stack([others - POINT * scale, others + POINT * scale])
    covered = [_along(panel.transData.transform(line), LINE * scale) for line in lines]
    taken = np.vstack([taken, *(np.column_stack([at - LINE * scale, at + LINE * scale]) for at in covered)])
    frame = panel.get_window_extent(renderer)
    texts = [
        panel.annotate(name, xy, fontsize=fontsize) for name, xy in zip(names, zip(x, y, strict=True), strict=True)
    ]
    sizes = np.array([[t.get_window_extent(renderer).width, t.get_window_extent(renderer).height] for t in texts])
    near = np.linalg.norm(points[:, None] - others[None], axis=2)
    for i in np.argsort(np.sort(near, axis=1)[:, : min(4, len(others))].sum(axis=1), kind="stable"):
        best = (np.inf, None, (1, 0), DISTANCES[0])
        for distance in DISTANCES:
            for direction in DIRECTIONS:
                step = np.asarray(direction) * distance * scale / max(1.0, np.hypot(*direction))
                centre = points[i] + step + np.asarray(direction) * sizes[i] / 2
                box = np.concatenate([centre - sizes[i] / 2, centre + sizes[i] / 2])
                area = sizes[i].prod()
                outside = max(0, frame.x0 - box[0], box[2] - frame.x1, frame.y0 - box[1], box[3] - frame.y1)
                cost = COVERED * _overlap(box, taken) / area + OUTSIDE * outside / sizes[i, 1] + PER_DISTANCE * distance
                if cost < best[0] - 1e-12:
                    best = (cost, box, direction, distance)
            if best[0] <= PER_DISTANCE * distance:
                break  # nothing covered: no place further off is better
        _, box, _, distance = best
        taken = np.vstack([taken, box])
        text, lower = texts[i], (box[:2] - points[i]) / scale
        text.set_position(tuple(lower))
        text.set_anncoords("offset points")
        text.set(ha="left", va="bottom")
        if distance > NEAR:
            ends = np.clip(points[i], box[:2], box[2:])  # the place on the text's frame that is nearest
            inverse = panel.transData.inverted()
            from_, to = inverse.transform(points[i]), inverse.transform(ends)
            panel.plot([from_[0], to[0]], [from_[1], to[1]], color=GREY, linewidth=0.5, zorder=1)
    return texts
