"""The plain verdict on a sorted library: what is wrong with it, in words.

Inputs: reads per element and bin, rows of the bins sheet, the reads' funnel where there is one.
Outputs: verdicts, one or more per check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cisflow.quality import thresholds as limit
from cisflow.quality.bin_order import CONTRADICTION, FEWEST_BINS, UNEXPLAINED, check_bin_order
from cisflow.quality.bins import bin_table
from cisflow.quality.verdict import FAIL, OK, SEVERITY, WARN, Verdict

#: Steps of the reads' funnel that are judged: the name of the check, what passes, and what a low share points to.
STEPS = {
    "merged": (
        "pairs merged",
        "of the pairs merge",
        "the overlap in the config does not fit the amplicon, or read 1 and read 2 are not mates",
    ),
    "flanks found": (
        "flanks found",
        "of the reads have the constant flanks",
        "another library, adapter dimers, or a read structure that does not fit",
    ),
    "length kept": (
        "length kept",
        "of the reads with flanks have a variable part of the right length",
        "a wrong range of lengths in the config, or truncated oligos",
    ),
}


def _grade(value: float, warn: float, fail: float) -> tuple[str, float]:
    """Verdict and threshold; a value is bad above ``warn`` when ``fail`` is the larger of the two, else below."""
    sign = 1 if fail > warn else -1
    if sign * value > sign * fail:
        return FAIL, fail
    return (WARN, warn) if sign * value > sign * warn else (OK, warn)


def check_depth(reads: np.ndarray) -> list[Verdict]:
    """Reads per element: their median, and the share of elements with few.

    Parameters
    ----------
    reads : int64 ndarray, shape (n,)
        Reads in sorted bins of the elements that have any.
    """
    median = float(np.median(reads)) if reads.size else 0.0
    verdict, threshold = _grade(median, limit.MEDIAN_READS_WARN, limit.MEDIAN_READS_FAIL)
    sentence = {
        OK: f"Half of the elements have {median:,.0f} reads or more.",
        WARN: f"Depth is low: half of the elements have {median:,.0f} reads or fewer, so that single values are rough.",
        FAIL: f"Depth is too low: half of the elements have {median:,.0f} read{'s' * (median != 1)} or fewer. A single "
        "value is mostly chance; many of them together can still train a model.",
    }[verdict]
    few = float((reads < limit.FEW_READS).mean()) if reads.size else 1.0
    few_verdict, few_threshold = _grade(few, limit.FEW_READS_SHARE_WARN, limit.FEW_READS_SHARE_FAIL)
    many = "Too many" if few_verdict == FAIL else "Many"
    few_sentence = (
        f"{few:.1%} of the elements have fewer than {limit.FEW_READS} reads."
        if few_verdict == OK
        else f"{many} elements have hardly any reads: {few:.0%} have fewer than {limit.FEW_READS}; leave them out or "
        "sequence deeper."
    )
    return [
        Verdict("depth", "", median, threshold, verdict, sentence),
        Verdict("elements with few reads", "", few, few_threshold, few_verdict, few_sentence),
    ]


def check_empty(bins: pd.DataFrame) -> list[Verdict]:
    """Bins without reads; ``bins`` as of :func:`cisflow.quality.bins.bin_table`."""
    empty = bins[bins["reads"] == 0]
    if empty.empty:
        return [Verdict("bin empty", "", 0, 0, OK, "Every bin has reads.")]
    return [
        Verdict(
            "bin empty",
            name,
            0,
            0,
            FAIL,
            f"Bin {name} has no reads: it was not sequenced, or its file is missing or wrong.",
        )
        for name in empty["bin"]
    ]


def check_even(bins: pd.DataFrame) -> list[Verdict]:
    """Bins with far fewer or more reads than the others.

    A bin is uneven only when its reads differ both from the median of the bins and from what its cells (or its share of
    all cells) let expect: equal reads per bin and equal reads per cell are both good designs. The element with the most
    reads is left out, because another check is about it.
    """
    used = bins[(bins["role"] == "sorted") & (bins["reads"] > 0)]
    reads = used["reads_without_top"].to_numpy(dtype=float).clip(min=1)
    if used.empty:
        return [Verdict("uneven bins", "", 1, limit.UNEVEN_FOLD_WARN, OK, "No bin has reads to compare.")]
    fold = np.log(reads / np.median(reads))
    expected = used["cells"].to_numpy(dtype=float)
    if not np.isfinite(expected).all():
        expected = used["share_of_cells"].to_numpy(dtype=float)
    if np.isfinite(expected).all() and (expected > 0).all():
        per_cell = reads / expected
        other = np.log(per_cell / np.median(per_cell))
        fold = np.where(np.abs(other) < np.abs(fold), other, fold)
    result = []
    for name, value in zip(used["bin"], fold, strict=True):
        times = float(np.exp(abs(value)))
        verdict, threshold = _grade(times, limit.UNEVEN_FOLD_WARN, limit.UNEVEN_FOLD_FAIL)
        if verdict != OK:
            words = (
                "fewer reads than the other bins: its part of every value is rough"
                if value < 0
                else ("more reads than the other bins: reads that the others lack")
            )
            sentence = f"Bin {name} has {times:,.0f} times {words}; sequence the bins in proportion to their cells."
            result.append(Verdict("uneven bins", name, times, threshold, verdict, sentence))
    worst = float(np.exp(np.abs(fold).max()))
    even = f"The bins are sequenced about evenly (at most {worst:,.1f} times more or less than the middle one)."
    return result or [Verdict("uneven bins", "", worst, limit.UNEVEN_FOLD_WARN, OK, even)]


def check_dominance(bins: pd.DataFrame, reads: np.ndarray, names: Sequence[str]) -> list[Verdict]:
    """One element that takes a large share of the reads, in the library or in a bin.

    Parameters
    ----------
    bins : DataFrame
        See :func:`cisflow.quality.bins.bin_table`.
    reads : int64 ndarray, shape (n,)
        Reads in sorted bins of every element.
    names : sequence of str, shape (n,)
        Elements.
    """
    total = reads.sum()
    top = int(np.argmax(reads)) if reads.size else 0
    share = float(reads[top] / total) if total else 0.0
    verdict, threshold = _grade(share, limit.DOMINANT_SHARE_WARN, limit.DOMINANT_SHARE_FAIL)
    if total and share < limit.DOMINANT_FOLD / np.count_nonzero(reads):
        verdict, threshold = OK, limit.DOMINANT_SHARE_WARN
    result = []
    if verdict != OK:
        sentence = f"One element dominates: {names[top]} has {share:.0%} of all reads, which the others lack."
        result.append(Verdict("dominant element", "", share, threshold, verdict, sentence))
    for row in bins[bins["reads"] >= limit.FEWEST_READS_IN_BIN].itertuples():
        own, own_threshold = _grade(row.top_share, limit.DOMINANT_IN_BIN_WARN, limit.DOMINANT_IN_BIN_FAIL)
        if own != OK and row.top_share >= limit.DOMINANT_FOLD / row.elements:
            sentence = (
                f"In bin {row.bin} the element {row.top_element} has {row.top_share:.0%} of the reads (a jackpot of "
                "the PCR, or a clone that overgrew)."
            )
            result.append(Verdict("dominant element", row.bin, row.top_share, own_threshold, own, sentence))
    fine = f"No element dominates: the largest has {share:.2%} of all reads."
    return result or [Verdict("dominant element", "", share, limit.DOMINANT_SHARE_WARN, OK, fine)]


def check_order(counts: np.ndarray, names: Sequence[str]) -> list[Verdict]:
    """Whether the elements that the bins share fit the order of the bins; see :mod:`cisflow.quality.bin_order`.

    Parameters
    ----------
    counts : int64 ndarray, shape (n, n_bins)
        Reads in the sorted bins, in the order of their positions.
    names : sequence of str
        Sorted bins.
    """
    order = check_bin_order(counts)
    if not order.checked:
        few = f"The order of the bins cannot be checked: fewer than {FEWEST_BINS} sorted bins have reads."
        return [Verdict("bin order", "", 0, CONTRADICTION, OK, few)]
    if not order.contradicted:
        fine = "The reads do not contradict the order of the bins in the bins sheet."
        return [Verdict("bin order", "", order.strongest, CONTRADICTION, OK, fine)]
    if not order.swaps:
        a, b = (names[i] for i in order.pair)
        odd = (
            f"The elements of {a} lie above those of {b}, against the bins sheet, but no exchange of two bins explains "
            f"it: {a} or {b} seems to hold cells of all elements (cells without reporter in a low gate, mixing between "
            "bins)."
        )
        return [Verdict("bin order", f"{a},{b}", order.strongest, CONTRADICTION, WARN, odd)]
    pairs = [f"{names[i]} and {names[j]}" for i, j in order.swaps]
    swapped = (
        f"Bins {', or '.join(pairs)} look exchanged: their elements fit the other's place. Check tubes, indices and "
        "the bins sheet."
    )
    if order.left > UNEXPLAINED:
        swapped += " This does not explain everything: look at the other bins too."
    where = ",".join(names[i] for i in order.swaps[0]) if len(order.swaps) == 1 else ""
    return [Verdict("bin order", where, order.strongest, CONTRADICTION, FAIL, swapped)]


def check_steps(funnel: pd.DataFrame) -> list[Verdict]:
    """Steps of the reads' funnel that few reads pass.

    Parameters
    ----------
    funnel : DataFrame
        ``bin``, ``step``, ``count`` in the order of the steps, and ``file`` where it is known by file.
    """
    keys = ["bin", *[c for c in ("file",) if c in funnel]]
    result, seen, lowest = [], [], {}
    for key, part in funnel.groupby(keys, sort=False, dropna=False):
        counts = part.groupby("step", sort=False)["count"].sum()
        name, file = key[0], str(key[1]) if len(key) > 1 and pd.notna(key[1]) else ""
        for before, step in zip(counts.index[:-1], counts.index[1:], strict=True):
            if step in STEPS and counts[before] >= limit.FEWEST_READS_IN_BIN:
                share = float(counts[step] / counts[before])
                if step not in lowest:
                    seen.append(step)
                lowest[step] = min(share, lowest.get(step, 1.0))
                verdict, threshold = _grade(share, limit.PASSED_WARN, limit.PASSED_FAIL)
                if verdict != OK:
                    check, passes, cause = STEPS[step]
                    of = f"bin {name}" + (f", file {file}" if file else "")
                    sentence = f"Only {share:.0%} {passes} ({of}): {cause}."
                    result.append(Verdict(check, str(name), share, threshold, verdict, sentence))
    bad = {v.check for v in result}
    for step in seen:
        check, passes, _ = STEPS[step]
        if check not in bad:
            share = np.floor(1000 * lowest[step]) / 1000  # rounded up it would not be "at least"
            fine = f"In every bin at least {share:.1%} {passes}."
            result.append(Verdict(check, "", lowest[step], limit.PASSED_WARN, OK, fine))
    return result


def verdicts(counts: pd.DataFrame, bins: Sequence[dict[str, Any]], funnel: pd.DataFrame | None = None) -> list[Verdict]:
    """Every verdict on a library, the worst first.

    Parameters
    ----------
    counts : DataFrame
        ``element`` and one integer column per bin.
    bins : sequence of dict
        Rows of the bins sheet: ``bin``, ``role``, ``position``, ``lower_quantile``, ``upper_quantile``, ``cells``.
    funnel : DataFrame, optional
        Funnel of the reads, see :func:`check_steps`.

    Returns
    -------
    list of Verdict
    """
    sorted_names = [row["bin"] for row in bins if row["role"] == "sorted"]
    in_bins = counts[sorted_names].to_numpy(dtype=np.int64)
    reads = in_bins.sum(axis=1)
    table = bin_table(counts, bins)
    found = [
        *check_empty(table),
        *check_order(in_bins, sorted_names),
        *check_depth(reads[reads > 0]),
        *check_dominance(table, reads, counts["element"].tolist()),
        *check_even(table),
        *(check_steps(funnel) if funnel is not None else []),
    ]
    return sorted(found, key=lambda v: -SEVERITY[v.verdict])
