"""What limits a contact model, in words.

Inputs: ceiling, targets, check on one window, course of the training, scores of the model and of the baselines.
Outputs: one verdict per question, and level where there are several, and the conclusion that stands on top of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cisflow.contacts.evaluation_inputs import CIS
from cisflow.contacts.regions import length_name
from cisflow.diagnosis.ceiling import chosen_ceilings
from cisflow.diagnosis.training_curve import CurveReading
from cisflow.evaluation.intervals import with_interval
from cisflow.models.contact_settings import WITHOUT_SEQUENCE
from cisflow.quality.verdict import FAIL, OK, SEVERITY, WARN, Verdict

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
        ``one_window.tsv``.
    curves : mapping of CurveReading by level (bp)
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
    curves: Mapping[int, CurveReading]
    scores: pd.DataFrame
    references: Mapping[str, str]

    @property
    def places(self) -> list[Place]:
        """Kinds of contacts and levels that were scored: contacts within chromosomes first, the finest level first."""
        pairs = self.scores[["kind", "level"]].drop_duplicates().itertuples(index=False)
        ordered = sorted((str(kind), int(level)) for kind, level in pairs)
        several = len({level for _, level in ordered}) > 1
        return [Place(kind, level, place_name(kind, level) if several else "") for kind, level in ordered]


@dataclass(frozen=True)
class Place:
    """Contacts of a kind at a level; ``name`` is empty where there is only one."""

    kind: str
    level: int
    name: str

    def verdict(self, check: str, value: float, threshold: float, verdict: str, sentence: str) -> Verdict:
        """A verdict whose sentence names the level."""
        said = sentence if not self.name else f"At {self.name}: {sentence[0].lower()}{sentence[1:]}"
        return Verdict(check, self.name, value, threshold, verdict, said)

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of a table about this place."""
        return table[(table["kind"] == self.kind) & (table["level"] == self.level)]


def place_name(kind: str, level: int) -> str:
    """Name of a level and kind: ``256 kb``, or ``256 kb, between chromosomes``."""
    return length_name(level) + ("" if kind == CIS else ", between chromosomes")


def ceiling_at(table: pd.DataFrame, place: Place, split: str = "test") -> pd.Series | None:
    """Row of the ceiling of the plain correlation to go by: of the replicate where there is one, else of the halves."""
    rows = place.of(chosen_ceilings(table, split))
    rows = rows[rows["metric"] == PEARSON]
    return None if rows.empty else rows.iloc[0]


def _ceiling(found: Findings, place: Place) -> list[Verdict]:
    row = ceiling_at(found.ceiling, place)
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
    reached = with_interval(value, row["low"], row["high"], digits=2)
    sentence = (
        f"{said}: from {how}, a perfect model would reach r = {reached} on the test windows, and {noise:.0%} of the "
        "variance of the targets is noise"
    )
    sentence += "." if verdict == OK else "; use larger bins, or a map with more contacts."
    threshold = CEILING_FAIL if verdict == FAIL else CEILING_WARN
    return [place.verdict("ceiling of the map", value, threshold, verdict, sentence)]


def _missing(found: Findings, place: Place) -> list[Verdict]:
    rows = place.of(found.targets)
    rows = rows[(rows["chromosome"] == "all") & (rows["role"] == "training")]
    if rows.empty:
        return []
    value = float(rows["missing"].iloc[0])
    verdict = WARN if value > MISSING_WARN else OK
    more = "; the network sees few measured entries" if verdict == WARN else ""
    sentence = f"{value:.0%} of the entries of the training windows are missing{more}."
    return [place.verdict("missing entries", value, MISSING_WARN, verdict, sentence)]


def _one_window(found: Findings, place: Place) -> list[Verdict]:
    if found.one_window is None or place.kind != CIS:
        return []
    rows = found.one_window[found.one_window["level"] == place.level]
    if rows.empty:  # nothing was measured in the window at that level
        return []
    value, steps = float(rows["pearson"].max()), int(rows["step"].iloc[-1])
    verdict = FAIL if not value >= ONE_WINDOW_FAIL else OK
    sentence = (
        f"The network learns one window by heart (r = {value:.2f} after {steps} steps): network, optimiser and the way "
        "of the data work."
        if verdict == OK
        else f"The network does not learn even one window (r = {value:.2f} after {steps} steps): look at the learning "
        "rate, the network and the pairing of sequence and map before anything else, or allow more steps "
        "(in section diagnosis)."
    )
    return [place.verdict("one window by heart", value, ONE_WINDOW_FAIL, verdict, sentence)]


def _curve(found: Findings, place: Place) -> list[Verdict]:
    curve = found.curves.get(place.level) if place.kind == CIS else None
    if curve is None or not np.isfinite(curve.late_rise):
        return []
    rising = curve.late_rise > LATE_RISE_WARN
    steps = place.verdict(
        "still rising",
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
    data = place.verdict(
        "overfitting",
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


def _scores(found: Findings, place: Place) -> list[Verdict]:
    here = place.of(found.scores)
    here = here[here["metric"] == PEARSON].set_index("model")

    def of(model: str, column: str = "value") -> float:
        return float(here.at[model, column]) if model in here.index else float("nan")

    value, low = of(found.model), of(found.model, "low")
    verdicts = []
    every = {name: of(name) for name in found.references}
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
        verdicts.append(place.verdict("better than the baseline", over, threshold, verdict, sentence))
    linear = {n: v for n, v in every.items() if found.references[n] == COMPOSITION and np.isfinite(v)}
    for name, reached in linear.items():
        over = value - reached
        verdict = WARN if over < OVER_COMPOSITION_WARN else OK
        sentence = (
            f"A linear model of the composition of the bins ({name}) reaches r = {reached:.3f}: {found.model} has "
            + ("learnt more than that." if verdict == OK else "not learnt even what is that easy to learn.")
        )
        verdicts.append(place.verdict("better than composition", over, OVER_COMPOSITION_WARN, verdict, sentence))
    row = ceiling_at(found.ceiling, place)
    if row is not None and row["ceiling"] > 0:
        share = value / float(row["ceiling"])
        verdict = OK if share >= OF_CEILING_WARN else WARN
        sentence = f"{found.model} reaches {max(share, 0):.0%} of the correlation that a perfect model would have."
        verdicts.append(place.verdict("share of the ceiling", share, OF_CEILING_WARN, verdict, sentence))
    return verdicts


CHECKS = (_ceiling, _missing, _one_window, _curve, _scores)


def contact_verdicts(found: Findings) -> list[Verdict]:
    """Verdicts in the order in which they are to be settled: map, data, network, training, result; each by level."""
    return [verdict for check in CHECKS for place in found.places for verdict in check(found, place)]


class _Bad:
    """Verdicts that are not good, by check."""

    def __init__(self, verdicts: Sequence[Verdict]):
        self.every: dict[str, list[Verdict]] = {}
        for one in verdicts:
            self.every.setdefault(one.check, []).append(one)

    def first(self, check: str, at: str | None = None) -> Verdict | None:
        """The worst of a check, with the other levels it holds at; only those ``at`` a level if that is given."""
        bad = [v for v in self.every.get(check, []) if v.verdict != OK and (at is None or at.startswith(v.bin))]
        if not bad:
            return None
        worst = max(bad, key=lambda v: SEVERITY[v.verdict])  # the first of the worst
        others = ", ".join(v.bin for v in bad if v is not worst)
        return replace(worst, sentence=f"{worst.sentence} Likewise at {others}.") if others else worst

    def everywhere(self, check: str, verdict: str) -> bool:
        """Whether a check has this verdict at every level."""
        return all(v.verdict == verdict for v in self.every.get(check, []))


def conclusion(verdicts: Sequence[Verdict], model: str) -> tuple[str, str]:
    """Worst verdict, and what to do first, in words.

    Returns
    -------
    verdict, sentence : str
        Of several levels, the map is refused where it is too shallow at all of them, and a reason counts at the level
        that it is the reason for.
    """
    bad = _Bad(verdicts)
    composition = bad.first("better than composition")
    poor = bad.first("better than the baseline") or composition or bad.first("share of the ceiling")
    if (first := bad.first("one window by heart")) is not None:
        return FAIL, first.sentence
    limit = bad.first("ceiling of the map")
    if limit is not None and bad.everywhere("ceiling of the map", FAIL):
        return FAIL, limit.sentence
    if poor is None:
        return (WARN, limit.sentence) if limit else (OK, f"{model} is limited by nothing that was looked at.")
    said = poor.sentence
    if composition is not None and composition is not poor:
        said += f" {composition.sentence}"
    for check in ("still rising", "overfitting", "missing entries", "ceiling of the map"):
        if (reason := bad.first(check, poor.bin)) is not None:
            return WARN, f"{said} {reason.sentence}"
    ready = "the network learns one window, " if "one window by heart" in bad.every else ""
    deep = "the map is deep enough, " if "ceiling of the map" in bad.every else ""
    course = (
        "the training neither rises nor overfits"
        if "still rising" in bad.every
        else "the training had too few validations to say whether it still rises or overfits"
    )
    left = (
        "the sequence does say something about the map, and this network with this training does not find it; try "
        "another rate, more steps or another network."
        if composition is not None
        else "the sequence of such windows says little about the map, or there are too few windows to learn "
        "what it says."
    )
    return WARN, f"{said} None of the usual reasons holds: {deep}{ready}{course}. What is left: {left}"
