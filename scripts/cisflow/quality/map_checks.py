"""Checks of a prepared contact map: each a value, a threshold and a sentence.

Inputs: a :class:`~cisflow.quality.contact_map.MapQuality`. Outputs: verdicts, and what else is to be said in words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cisflow.quality import map_thresholds as limits
from cisflow.quality.contact_map import MapQuality, binned_law
from cisflow.quality.verdict import FAIL, OK, WARN, Verdict

FEWEST_BINS = 10  # of a chromosome that is compared with the others
SLOPE_DISTANCES = (0.02, 0.5)  # as shares of the reach of the curve
FEWEST_PAIRS = 20  # of bins, behind a value of a distance law that is compared


def _grade(bad: bool, refused: bool = False) -> str:
    return FAIL if refused else WARN if bad else OK


def check_contacts(given: MapQuality) -> list[Verdict]:
    """Whether bins have the contacts that their size asks for."""
    used = given.bins.loc[~given.bins["masked"], "contacts"]
    if not len(used):
        return [Verdict("contacts per bin", "", 0.0, 1.0, FAIL, "Every bin is masked.")]
    share, median = float((used >= limits.ENOUGH_CONTACTS).mean()), float(used.median())
    sentence = (
        f"{share:.0%} of the bins that are not masked have {limits.ENOUGH_CONTACTS:,} contacts or more (median "
        f"{median:,.0f})"
    )
    if share < limits.ENOUGH_SHARE_WARN:
        sentence += f": the map does not resolve {given.resolution:,} bp everywhere, and targets are smoothed there"
    grade = _grade(share < limits.ENOUGH_SHARE_WARN, median < limits.MEDIAN_CONTACTS_FAIL)
    return [Verdict("contacts per bin", "", share, limits.ENOUGH_SHARE_WARN, grade, sentence + ".")]


def longest_masked_run(bins: pd.DataFrame) -> tuple[str, int, int]:
    """Chromosome, start and end (bp) of the longest run of masked bins; ends at 0 when none is masked."""
    change = (bins["masked"] != bins["masked"].shift()) | (bins["chromosome"] != bins["chromosome"].shift())
    runs = bins.assign(run=change.cumsum())[bins["masked"]].groupby("run", sort=False)
    runs = runs.agg(chromosome=("chromosome", "first"), start=("start", "min"), end=("end", "max"))
    if not len(runs):
        return "", 0, 0
    longest = runs.loc[(runs["end"] - runs["start"]).idxmax()]
    return str(longest["chromosome"]), int(longest["start"]), int(longest["end"])


def check_masked(given: MapQuality) -> list[Verdict]:
    """How many bins are masked, and whether a chromosome is left with few."""
    share = float(given.bins["masked"].mean())
    sentence = f"{int(given.bins['masked'].sum()):,} of {len(given.bins):,} bins ({share:.1%}) are masked"
    name, start, end = longest_masked_run(given.bins)
    if end:
        sentence += f"; the longest stretch is {name}:{start:,}-{end:,}"
    grade = _grade(share > limits.MASKED_WARN, share > limits.MASKED_FAIL)
    found = [Verdict("masked bins", "", share, limits.MASKED_WARN, grade, sentence + ".")]
    shares = given.bins.groupby("chromosome", sort=False)["masked"].mean()
    for chromosome, part in shares[shares > limits.MASKED_CHROMOSOME_WARN].items():
        held_out = " It is a test chromosome." if chromosome in given.test else ""
        sentence = f"{part:.0%} of the bins of {chromosome} are masked.{held_out}"
        found.append(
            Verdict("masked bins of a chromosome", str(chromosome), part, limits.MASKED_CHROMOSOME_WARN, WARN, sentence)
        )
    return found


def check_cis(given: MapQuality) -> list[Verdict]:
    """Share of contacts within chromosomes."""
    share = float(given.overall["cis_share"])
    if len(given.chromosomes) < 2:
        return []
    total, trans = int(given.overall["contacts"]), int(given.overall["contacts"] - given.overall["cis_contacts"])
    sentence = f"{share:.1%} of {total:,} contacts are within chromosomes, {trans:,} between them"
    if share < limits.CIS_WARN:
        sentence += ": many may be random ligations, which flatten every structure"
    grade = _grade(share < limits.CIS_WARN, share < limits.CIS_FAIL)
    return [Verdict("contacts within chromosomes", "", share, limits.CIS_WARN, grade, sentence + ".")]


def check_coverage(given: MapQuality) -> list[Verdict]:
    """Chromosomes whose bins have many more or fewer contacts than those of the others."""
    used = given.bins[~given.bins["masked"]].groupby("chromosome", sort=False)["contacts"].agg(["median", "size"])
    used = used[used["size"] >= FEWEST_BINS]
    if len(used) < 2:
        return []
    fold = used["median"] / used["median"].median()
    away = np.exp(np.abs(np.log(fold.where(fold > 0))))
    worst = str(away.fillna(np.inf).idxmax())
    value = float(away.fillna(np.inf).max())
    sentence = f"{worst} differs most from the others: {fold[worst]:.2f} times their median contacts per bin"
    if value > limits.COVERAGE_FOLD_WARN:
        sentence += "; look for another copy number, or for a genome that is not that of the cells"
    grade = _grade(value > limits.COVERAGE_FOLD_WARN)
    return [Verdict("coverage of chromosomes", worst, value, limits.COVERAGE_FOLD_WARN, grade, sentence + ".")]


def check_balance(given: MapQuality) -> list[Verdict]:
    """Whether the sums of balanced rows are equal, as they must be."""
    value = given.row_variation()
    if np.isnan(value):
        return []
    how = given.overall["weights"]
    sentence = f"Sums of balanced rows vary by {100 * value:.2g} % of their mean (weights {how}"
    sentence += f", {len(given.balancing)} iterations)" if len(given.balancing) else ")"
    if value > limits.ROWS_WARN:
        sentence += (
            ": the weights were made on other contacts than these, for example with chromosomes that were dropped; "
            "`balance` in the column `weights` balances anew"
        )
    grade = _grade(value > limits.ROWS_WARN, value > limits.ROWS_FAIL)
    return [Verdict("balance", "", value, limits.ROWS_WARN, grade, sentence + ".")]


def law_slope(given: MapQuality) -> float:
    """Slope of log contacts on log distance over the middle of the curve; every decade counts the same."""
    curve = binned_law(*(given.law[c].to_numpy() for c in ("distance_bp", "n_valid", "balanced_sum")))
    low, high = (share * given.reach for share in SLOPE_DISTANCES)
    curve = curve[(curve["distance_bp"] >= low) & (curve["distance_bp"] <= high)]
    if len(curve) < 3:
        return float("nan")
    return float(np.polyfit(np.log(curve["distance_bp"]), np.log(curve["expected"]), 1)[0])


def law_spread(given: MapQuality) -> float:
    """Standard deviation over chromosomes of the log contacts at one distance, median over distances."""
    curves = []
    for name, rows in given.by_chromosome.groupby("chromosome", sort=False):
        curve = binned_law(*(rows[c].to_numpy() for c in ("distance_bp", "n_valid", "balanced_sum")))
        curve = curve[(curve["n_valid"] >= FEWEST_PAIRS) & (curve["distance_bp"] <= given.reach)]
        curves.append(curve.assign(chromosome=name, log=np.log(curve["expected"])))
    spread = pd.concat(curves).groupby("index")["log"].agg(["std", "size"])
    return float(spread.loc[spread["size"] >= 2, "std"].median())


def check_law(given: MapQuality) -> list[Verdict]:
    """Slope of the distance law, its spread over chromosomes, and how far it reaches."""
    found = []
    low, high = limits.SLOPE_RANGE
    slope, spread = law_slope(given), law_spread(given)
    if np.isfinite(slope):
        threshold = high if abs(slope - high) < abs(slope - low) else low
        sentence = f"Contacts fall with distance by a power of {slope:.2f}; expected between {low:g} and {high:g}."
        found.append(Verdict("slope", "", slope, threshold, _grade(not low <= slope <= high), sentence))
    if np.isfinite(spread):
        sentence = f"Chromosomes differ {np.exp(spread):.2f}-fold (one standard deviation) at the same distance"
        if spread > limits.SPREAD_WARN:
            sentence += "; one expected curve does not fit them all"
        grade = _grade(spread > limits.SPREAD_WARN, spread > limits.SPREAD_FAIL)
        found.append(Verdict("spread of distance laws", "", spread, limits.SPREAD_WARN, grade, sentence + "."))
    longest = int(given.chromosomes["length"].max())
    share = given.reach / longest
    sentence = f"Expected contacts reach {given.reach:,} bp, {share:.0%} of the longest chromosome; windows end there."
    found.append(Verdict("reach", "", share, limits.REACH_WARN, _grade(share < limits.REACH_WARN), sentence))
    return found


def map_verdicts(given: MapQuality) -> list[Verdict]:
    """All checks of a map, worst first."""
    checks = (check_contacts, check_masked, check_cis, check_coverage, check_balance, check_law)
    order = {FAIL: 0, WARN: 1, OK: 2}
    return sorted((verdict for check in checks for verdict in check(given)), key=lambda v: order[v.verdict])


def compartment_sentence(given: MapQuality) -> str:
    """What the first eigenvector shows."""
    table = given.compartments
    if not len(table):
        return "Compartments could not be computed: too few bins with contacts (see the log of the annotation)."
    size = int((table["end"] - table["start"]).max())
    both = table[["gc", "E1"]].dropna()
    if len(both) < 3 or both.std().min() == 0:
        return f"Compartments in bins of {size:,} bp: too few bins to compare them with the GC content."
    r = float(both.corr().iloc[0, 1])
    meaning = (
        "the two compartments follow the composition of the genome, as in most animals"
        if r > 0.4
        else "the first eigenvector does not follow the composition: arms, centromeres or noise may dominate it"
    )
    return (
        f"Compartments in bins of {size:,} bp: first eigenvector and GC content correlate with r = {r:.2f}; {meaning}."
    )


def insulation_sentence(given: MapQuality) -> str:
    """How many boundaries there are at each window."""
    table = given.insulation
    if not len(table):
        return "Insulation could not be computed: too few bins with contacts (see the log of the annotation)."
    megabases = float(given.chromosomes["length"].sum()) / 1e6
    counts = table.groupby("window")["boundary"].sum()
    parts = [f"{count:,} ({count / megabases:.1f} per Mb) at {window:,} bp" for window, count in counts.items()]
    return f"Insulation boundaries: {', '.join(parts)}."
