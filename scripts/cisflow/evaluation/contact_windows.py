"""Which test windows are drawn and exported: the best, the median and the worst, and windows around regions.

Inputs: ``contact_scores.tsv``, predictions, regions of the config. Outputs: rows of the predictions by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cisflow.contacts.regions import RANKED, Region
from cisflow.evaluation.contact_predictions import CIS, PredictedMaps
from cisflow.evaluation.contact_sums import MEAN
from cisflow.problems import InputError, Problem

RANKING_METRIC, PLAIN = "pearson_distance_subtracted", "pearson"


def window_scores(scores: pd.DataFrame, model: str, kind: str = CIS) -> pd.Series:
    """Score of each window that orders them: mean over levels of the distance-subtracted correlation of a model.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.contacts.score_table`.
    model, kind : str

    Returns
    -------
    Series
        By window, without those that have no score; of the plain correlation where no window has the other one.
    """
    rows = scores[(scores["model"] == model) & (scores["seed"].astype(str) == MEAN) & (scores["kind"] == kind)]
    for metric in (RANKING_METRIC, PLAIN):
        values = rows[rows["metric"] == metric].groupby("window")["value"].mean().dropna()
        if len(values):
            break
    return values.sort_values(kind="stable")


def ranked_windows(scores: pd.DataFrame, model: str, kind: str = CIS) -> dict[str, int]:
    """Rows of the windows with the best, the median and the worst score of a model, see :func:`window_scores`.

    With fewer than three windows, a window has several names; with none that has a score, all are the first of the
    kind.
    """
    ranked = window_scores(scores, model, kind).index.to_numpy()
    if not len(ranked):
        ranked = scores.loc[scores["kind"] == kind, "window"].to_numpy()[:1]
    best, median, worst = ranked[-1], ranked[len(ranked) // 2], ranked[0]
    return {name: int(row) for name, row in zip(RANKED, (best, median, worst), strict=True)}


def window_of_region(found: PredictedMaps, region: Region) -> int:
    """Row of the window whose finest map shows a region best.

    Parameters
    ----------
    found : PredictedMaps
    region : Region

    Returns
    -------
    int
        Of the windows within chromosomes whose coarsest map holds the whole region, the one whose finest map shares
        most bases with it, and lies most centred among those.

    Raises
    ------
    InputError
        When no window holds the region; the message says what the windows cover.
    """
    coarsest, finest = int(np.argmax(found.levels)), int(np.argmin(found.levels))
    here = (found.chromosome == region.chromosome) & (found.kind == CIS)
    top = found.start[:, coarsest]
    holds = here & (top <= region.start) & (top + found.levels[coarsest] >= region.end)
    if not holds.any():
        covered = [
            str(Region(name, top[rows].min(), top[rows].max() + found.levels[coarsest]))
            for name in dict.fromkeys(found.chromosome)
            if (rows := (found.chromosome == name) & (found.kind == CIS)).any()
        ]
        raise InputError(
            Problem(
                "config",
                f"no test window holds {region}; windows of {found.levels[coarsest]:,} bp cover {', '.join(covered)}",
                column="contact_figures.regions",
            )
        )
    start = found.start[:, finest]
    end = start + found.levels[finest]
    shared = np.minimum(end, region.end) - np.maximum(start, region.start)
    off_centre = np.abs(start + end - region.start - region.end)
    rows = np.nonzero(holds)[0]
    return int(rows[np.lexsort((off_centre[rows], -shared[rows]))[0]])


def chosen_windows(
    scores: pd.DataFrame, found: PredictedMaps, model: str, regions: Sequence[Region] = ()
) -> Mapping[str, int]:
    """Rows of all windows that are drawn and exported, by name.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.contacts.score_table`.
    found : PredictedMaps
    model : str
        Whose scores decide which windows are the best, the median and the worst.
    regions : sequence of Region

    Returns
    -------
    dict of str to int
        ``best``, ``median``, ``worst`` of the windows within chromosomes, names of regions, and where there are windows
        between chromosomes ``trans_best``, ``trans_median``, ``trans_worst``.
    """
    chosen: dict[str, int] = {}
    for kind in found.kinds:
        names = ranked_windows(scores, model, kind)
        chosen |= {name if kind == CIS else f"{kind}_{name}": row for name, row in names.items()}
    return chosen | {region.name: window_of_region(found, region) for region in regions}


def all_windows(found: PredictedMaps) -> dict[str, int]:
    """Rows of all windows by name: chromosome and start of the coarsest level."""
    coarsest = int(np.argmax(found.levels))
    names = (f"{name}_{start}" for name, start in zip(found.chromosome, found.start[:, coarsest], strict=True))
    return {name if kind == CIS else f"{kind}{row}_{name}": row
            for row, (name, kind) in enumerate(zip(names, found.kind, strict=True))}  # fmt: skip
