"""What limits a contact model, in words.

Inputs: ceiling, targets, check on one window, course of the training, scores of the model and of the baselines.
Outputs: one verdict per question and the conclusion that stands on top of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.diagnosis.ceiling import chosen_ceilings
from cisflow.diagnosis.training_curve import CurveReading
from cisflow.models.contact_settings import WITHOUT_SEQUENCE
from cisflow.quality.verdict import FAIL, OK, WARN, Verdict

#: Values from which on something is said; see docs/methods/diagnosis.md for the reasons.
CEILING_WARN, CEILING_FAIL = 0.6, 0.35
MISSING_WARN = 0.3
ONE_WINDOW_FAIL = 0.9
LATE_RISE_WARN = 0.02
FALL_WARN, LOSS_FALL_WARN = 0.03, 0.05
OVER_BASELINE_WARN = 0.03
OVER_COMPOSITION_WARN = 0.0
OF_CEILING_WARN = 0.5
PEARSON = "pearson"
COMPOSITION = "composition"


@dataclass(frozen=True)
class Findings:
    """What is known of a model and its map; None or empty where it was not looked at.

    Attributes
    ----------
    model, map_name : str
    ceiling, targets : DataFrame
        ``ceiling.tsv`` and ``targets.tsv`` of the diagnosis.
    one_window : DataFrame or None
        ``overfit.tsv``.
    curve : CurveReading or None
    scores : DataFrame
        ``contact_summary.tsv``.
    references : mapping of str by name
        Kinds of the models that were fitted in one go: some know no sequence, one its composition.
    """

    model: str
    map_name: str
    ceiling: pd.DataFrame
    targets: pd.DataFrame
    one_window: pd.DataFrame | None
    curve: CurveReading | None
    scores: pd.DataFrame
    references: Mapping[str, str]


def best_ceiling(table: pd.DataFrame, metric: str = PEARSON, split: str = "test") -> pd.Series | None:
    """Row of the ceiling to go by, at the finest level: of the replicate where there is one, else of the halves."""
    rows = chosen_ceilings(table, split)
    rows = rows[rows["metric"] == metric]
    return None if rows.empty else rows.iloc[0]


def _ceiling(found: Findings) -> list[Verdict]:
    row = best_ceiling(found.ceiling)
    if row is None:
        return []
    value, noise = float(row["ceiling"]), 1 - float(row["full_depth"])
    how = "two halves of its contacts" if row["source"] == "halves" else row["source"]
    verdict = FAIL if value < CEILING_FAIL else WARN if value < CEILING_WARN else OK
    said = {
        OK: "The map can tell good models from poor ones",
        WARN: "The map is shallow at this bin size",
        FAIL: "The map is too shallow at this bin size",
    }[verdict]
    sentence = (
        f"{said}: from {how}, a perfect model would reach r = {value:.2f} "
        f"({row['low']:.2f} to {row['high']:.2f}) on the test windows, and {noise:.0%} of the variance of the targets "
        "is noise"
    )
    sentence += "." if verdict == OK else "; use larger bins, or a map with more contacts."
    threshold = CEILING_FAIL if verdict == FAIL else CEILING_WARN
    return [Verdict("ceiling of the map", "", value, threshold, verdict, sentence)]


def _missing(found: Findings) -> list[Verdict]:
    rows = found.targets[(found.targets["chromosome"] == "all") & (found.targets["role"] == "training")]
    if rows.empty:
        return []
    value = float(rows["missing"].iloc[0])
    verdict = WARN if value > MISSING_WARN else OK
    more = "; the network sees few measured entries" if verdict == WARN else ""
    sentence = f"{value:.0%} of the entries of the training windows are missing{more}."
    return [Verdict("missing entries", "", value, MISSING_WARN, verdict, sentence)]


def _one_window(found: Findings) -> list[Verdict]:
    if found.one_window is None:
        return []
    value, steps = float(found.one_window["pearson"].max()), int(found.one_window["step"].iloc[-1])
    verdict = FAIL if not value >= ONE_WINDOW_FAIL else OK
    sentence = (
        f"The network learns one window by heart (r = {value:.2f} after {steps} steps): network, optimiser and the way "
        "of the data work."
        if verdict == OK
        else f"The network does not learn even one window (r = {value:.2f} after {steps} steps): look at the learning "
        "rate, the network and the pairing of sequence and map before anything else, or allow more steps "
        "(diagnosis.overfit_steps)."
    )
    return [Verdict("one window by heart", "", value, ONE_WINDOW_FAIL, verdict, sentence)]


def _curve(found: Findings) -> list[Verdict]:
    curve = found.curve
    if curve is None or not np.isfinite(curve.late_rise):
        return []
    rising = curve.late_rise > LATE_RISE_WARN
    steps = Verdict(
        "still rising",
        "",
        curve.late_rise,
        LATE_RISE_WARN,
        WARN if rising else OK,
        f"The validation correlation rose by {curve.late_rise:.3f} over the last quarter of the training: more steps "
        "are likely to help."
        if rising
        else f"The validation correlation changed by {curve.late_rise:+.3f} over the last quarter of the training: "
        "more steps of the same kind would hardly help.",
    )
    by_heart = curve.fall > FALL_WARN and curve.loss_fall > LOSS_FALL_WARN
    data = Verdict(
        "overfitting",
        "",
        curve.fall,
        FALL_WARN,
        WARN if by_heart else OK,
        f"After {curve.best_at:.0%} of the training the validation correlation fell by {curve.fall:.3f} while the "
        f"training loss went on falling by {curve.loss_fall:.0%}: few data for this network; use a smaller one, more "
        "regularisation or more chromosomes."
        if by_heart
        else "The network does not learn its training windows at the cost of the validation windows.",
    )
    return [steps, data]


def _of_model(scores: pd.DataFrame, model: str, column: str = "value") -> float:
    rows = scores[(scores["model"] == model) & (scores["metric"] == PEARSON)]
    if "level" in rows:
        rows = rows[rows["level"] == rows["level"].min()]
    return float(rows[column].iloc[0]) if len(rows) else float("nan")


def _scores(found: Findings) -> list[Verdict]:
    value, low = _of_model(found.scores, found.model), _of_model(found.scores, found.model, "low")
    verdicts = []
    every = {name: _of_model(found.scores, name) for name in found.references}
    known = {n: v for n, v in every.items() if found.references[n] in WITHOUT_SEQUENCE and np.isfinite(v)}
    if known:
        best = max(known, key=known.__getitem__)
        over = value - known[best]
        clearly = over >= OVER_BASELINE_WARN and low > known[best]
        verdict = FAIL if over <= 0 else OK if clearly else WARN
        said = {FAIL: "no better than", WARN: "not clearly better than", OK: "better than"}[verdict]
        sentence = (
            f"On the test windows {found.model} (r = {value:.3f}, interval from {low:.3f}) is {said} {best} "
            f"(r = {known[best]:.3f}), which sees no sequence."
        )
        threshold = 0.0 if verdict == FAIL else OVER_BASELINE_WARN
        verdicts.append(Verdict("better than the baseline", "", over, threshold, verdict, sentence))
    linear = {n: v for n, v in every.items() if found.references[n] == COMPOSITION and np.isfinite(v)}
    for name, reached in linear.items():
        over = value - reached
        verdict = WARN if over < OVER_COMPOSITION_WARN else OK
        sentence = (
            f"A linear model of the composition of the bins ({name}) reaches r = {reached:.3f}: {found.model} has "
            + ("learnt more than that." if verdict == OK else "not learnt even what is that easy to learn.")
        )
        verdicts.append(Verdict("better than composition", "", over, OVER_COMPOSITION_WARN, verdict, sentence))
    row = best_ceiling(found.ceiling)
    if row is not None and row["ceiling"] > 0:
        share = value / float(row["ceiling"])
        verdict = OK if share >= OF_CEILING_WARN else WARN
        sentence = f"{found.model} reaches {max(share, 0):.0%} of the correlation that a perfect model would have."
        verdicts.append(Verdict("share of the ceiling", "", share, OF_CEILING_WARN, verdict, sentence))
    return verdicts


def contact_verdicts(found: Findings) -> list[Verdict]:
    """Verdicts in the order in which they are to be settled: map, data, network, training, result."""
    return [*_ceiling(found), *_missing(found), *_one_window(found), *_curve(found), *_scores(found)]


def conclusion(verdicts: Sequence[Verdict], model: str) -> tuple[str, str]:
    """Worst verdict, and what to do first, in words.

    Returns
    -------
    verdict, sentence : str
    """
    by_check: Mapping[str, Verdict] = {v.check: v for v in verdicts}

    def bad(check: str) -> Verdict | None:
        one = by_check.get(check)
        return one if one is not None and one.verdict != OK else None

    composition = bad("better than composition")
    poor = bad("better than the baseline") or composition or bad("share of the ceiling")
    if (first := bad("one window by heart")) is not None:
        return FAIL, first.sentence
    limit = bad("ceiling of the map")
    if limit is not None and limit.verdict == FAIL:
        return FAIL, limit.sentence
    if poor is None:
        return (WARN, limit.sentence) if limit else (OK, f"{model} is limited by nothing that was looked at.")
    said = poor.sentence
    if composition is not None and composition is not poor:
        said += f" {composition.sentence}"
    for check in ("still rising", "overfitting", "missing entries", "ceiling of the map"):
        if (reason := bad(check)) is not None:
            return WARN, f"{said} {reason.sentence}"
    ready = "the network learns one window, " if "one window by heart" in by_check else ""
    deep = "the map is deep enough, " if "ceiling of the map" in by_check else ""
    left = (
        "the sequence does say something about the map, and this network with this training does not find it; try "
        "another rate, more steps or another network."
        if composition is not None
        else "the sequence of such windows says little about the map, or there are too few windows to learn "
        "what it says."
    )
    return WARN, (
        f"{said} None of the usual reasons holds: {deep}{ready}the training neither rises nor overfits. What is left: "
        + left
    )
