"""Mean expression per element by maximum likelihood (MAUDE).

Purpose: the estimate of de Boer, Ray, Hacohen & Regev (Genome Biology 21:134, 2020) for one screen, with the numbers
of the R package and, beyond it, the best of several maxima, standard errors, and flags for estimates not to trust.
Inputs: reads per element and sorted bin, abundance in the unsorted library, controls, bin model.
Outputs: :class:`MaudeEstimate`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cisflow.expression.abundance import abundance_per_read, add_pseudocount
from cisflow.expression.bin_model import BinModel
from cisflow.expression.count_checks import checked_abundance, checked_counts
from cisflow.expression.dispersion import Dispersion, canonical_order, estimate_dispersion
from cisflow.expression.maude_interval import MeanInterval, mean_intervals
from cisflow.expression.maude_likelihood import information_per_read, log_likelihood
from cisflow.expression.maude_r_search import r_means
from cisflow.expression.maude_search import FLAT, best_means
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.progress import Progress

#: Limits wider than this would ask for normal tails that a double cannot hold.
WIDEST_LIMIT = 30.0
#: Fewer controls than this give an uncertain centre.
FEW_CONTROLS = 10
#: Elements between two lines of progress.
BLOCK = 50_000


@dataclass(frozen=True)
class MaudeEstimate:
    """Estimates of one screen; arrays of shape (n,) unless stated.

    Attributes
    ----------
    counts : int64 ndarray, shape (n, n_bins)
        Reads with the pseudocount added.
    abundance, library_fraction : float64 ndarray
        Unsorted abundance with the pseudocount added, and its share of the total.
    mean : float64 ndarray
        Mean expression in standard deviations of the sorted cell population; 0 is its mean. NaN where the
        likelihood is zero everywhere.
    standard_error : float64 ndarray
        From what the element's own reads tell about the mean; pseudocounts do not count as reads. NaN at a limit and
        where nothing is known.
    low, high : float64 ndarray
        Interval of the mean that the reads allow, see :func:`.mean_intervals`, extended to ``mean`` where pseudocounts
        draw it out; a limit where the reads do not exclude it, NaN without reads.
    reads_low, reads_high : float64 ndarray
        The same, not extended.
    pseudocount_share : float64 ndarray
        Share of pseudocounts in the element's reads of the sorted bins: near 1 the mean says little about the element.
    log_likelihood : float64 ndarray
        Natural logarithm of the likelihood at the mean.
    log_likelihood_ratio : float64 ndarray
        Its excess over the log likelihood at the centre of the controls; NaN without controls.
    z : float64 ndarray
        Mean minus the centre of the controls (not divided by an error); NaN without controls.
    at_limit : bool ndarray
        The mean lies on one of the limits: the true value may be beyond.
    no_information : bool ndarray
        The likelihood is flat or zero within the limits.
    control_centre : float
        Mean or median of the controls' means; NaN without controls.
    """

    counts: np.ndarray
    abundance: np.ndarray
    library_fraction: np.ndarray
    mean: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reads_low: np.ndarray
    reads_high: np.ndarray
    pseudocount_share: np.ndarray
    log_likelihood: np.ndarray
    log_likelihood_ratio: np.ndarray
    z: np.ndarray
    at_limit: np.ndarray
    no_information: np.ndarray
    control_centre: float

    def to_frame(self) -> pd.DataFrame:
        """One row per element with every column but the counts and the intervals that are not extended."""
        names = {
            "abundance": "abundance",
            "library_fraction": "library_fraction",
            "mean": "mean",
            "mean_low": "low",
            "mean_high": "high",
            "standard_error": "standard_error",
            "pseudocount_share": "pseudocount_share",
            "log_likelihood": "log_likelihood",
            "log_likelihood_ratio": "log_likelihood_ratio",
            "z": "z",
            "at_limit": "at_limit",
            "no_information": "no_information",
        }
        return pd.DataFrame({name: getattr(self, field) for name, field in names.items()})


def _checked_limits(limits: Sequence[float]) -> tuple[float, float]:
    low, high = (float(v) for v in limits)
    if not (-WIDEST_LIMIT <= low < high <= WIDEST_LIMIT):
        raise InputError(
            Problem(
                "config",
                f"[{low:g}, {high:g}]; expected a lower and a higher number within {WIDEST_LIMIT:g} of 0",
                None,
                "limits",
            )
        )
    if not low <= 0 <= high:
        logger.warning("The limits [%g, %g] leave out 0: means on the other side end at the nearer limit", low, high)
    return low, high


def _warn_about_counts(counts: np.ndarray, abundance: np.ndarray, names: Sequence[str], pseudocount: float) -> None:
    empty = [name for name, total in zip(names, counts.sum(axis=0), strict=True) if total == 0]
    if empty:
        logger.warning("Bins without reads: %s", ", ".join(empty))
    total = math.fsum(abundance)
    if total == 0 and pseudocount == 0:
        raise InputError(Problem("counts", "all abundances are 0 and the pseudocount is 0: no library fraction exists"))
    if total == 0:
        logger.warning("All abundances are 0: the pseudocount makes every element equally abundant")
    elif total < len(abundance) * pseudocount:
        logger.warning(
            "The abundances sum to %g, less than the pseudocounts of %g added to them: they hardly count "
            "(were they given as fractions? reads or a sum near 1,000,000 are expected)",
            total,
            len(abundance) * pseudocount,
        )


def _control_centre(mean: np.ndarray, is_control: np.ndarray, centre: str) -> float:
    n = int(is_control.sum())
    if n == 0:
        logger.warning("No controls: z and log_likelihood_ratio are missing; means are not affected")
        return float("nan")
    if n < FEW_CONTROLS:
        logger.warning("Only %d controls: their centre, and with it z and log_likelihood_ratio, is uncertain", n)
    return math.fsum(mean[is_control]) / n if centre == "mean" else float(np.median(mean[is_control]))


def _intervals(
    counts: np.ndarray,
    abundance: np.ndarray,
    rule: str,
    bins: BinModel,
    limits: tuple[float, float],
    cells: np.ndarray | None,
    unsorted_cells: float | None,
    level: float,
) -> tuple[MeanInterval, Dispersion]:
    """Intervals of the reads without pseudocounts, and how much they scatter."""
    totals = counts.sum(axis=0)
    middle = ndtri((bins.lower_quantile + bins.upper_quantile) / 2)
    weight = np.einsum("ib,b->i", counts, 1.0 / np.maximum(totals, 1))
    with np.errstate(invalid="ignore"):
        place = np.einsum("ib,b->i", counts, middle / np.maximum(totals, 1)) / weight
    dispersion = estimate_dispersion(counts, middle, place, cells)
    order = canonical_order(place, counts, abundance)
    total = math.fsum(abundance)
    if rule != "measured" or total == 0:
        derived = abundance_per_read(totals, bins.share if rule == "weighted" else None)
        return mean_intervals(counts, None, derived, bins, limits, dispersion, level, place, order), dispersion
    copies = dispersion.inflation.mean() if unsorted_cells is None else 1 + total / unsorted_cells
    with_unsorted = replace(dispersion, inflation=np.append(dispersion.inflation, copies))
    return mean_intervals(counts, abundance, None, bins, limits, with_unsorted, level, place, order), dispersion


def estimate_maude(
    counts: np.ndarray,
    abundance: np.ndarray,
    is_control: np.ndarray | None,
    bins: BinModel,
    pseudocount: float = 10,
    limits: Sequence[float] = (-4, 4),
    optimum: str = "global",
    centre: str = "mean",
    cells: np.ndarray | None = None,
    elements: Sequence[object] | np.ndarray | None = None,
    where: str = "counts",
    abundance_rule: str = "measured",
    unsorted_cells: float | None = None,
    interval: float = 0.95,
) -> MaudeEstimate:
    """Estimate the mean expression of every element of one screen.

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
        Reads per element and sorted bin.
    abundance : float ndarray, shape (n,)
        Reads, or any weight that sums to about 1,000,000, in the unsorted library; see :func:`.abundance_from_bins`.
    is_control : bool ndarray, shape (n,), optional
        Negative controls; None when there are none.
    bins : BinModel
        Edges of the bins in the order of the columns of ``counts``.
    pseudocount : float
        Reads per million, see :func:`.add_pseudocount`.
    limits : pair of float
        Range of the mean in standard deviations of the population.
    optimum : str
        ``global``: highest likelihood within the limits. ``r``: where the R package's local search from 0 stops.
    centre : str
        ``mean`` or ``median`` of the controls.
    cells : float ndarray, shape (n_bins,), optional
        Cells sorted into each bin, NaN where unknown; used for standard errors and intervals alone.
    elements : sequence, optional
        Names of the rows for messages.
    where : str
        What to call the table in messages.
    abundance_rule : str
        Where ``abundance`` comes from, which decides what is uncertain about it: ``measured`` in an unsorted sample, or
        :func:`.abundance_from_bins` without (``mean``) or with (``weighted``) the shares of the bins.
    unsorted_cells : float, optional
        Cells behind a measured abundance; None where unknown: as many reads per cell as in the sorted bins.
    interval : float
        Share of the intervals that are to hold the mean.

    Returns
    -------
    MaudeEstimate

    Raises
    ------
    InputError
        Fewer than two elements, bad values (each with its row), limits or names that are not valid.
    """
    problems = []
    if optimum not in ("global", "r"):
        problems.append(Problem("config", not_one_of(optimum, ("global", "r")), column="optimum"))
    if centre not in ("mean", "median"):
        problems.append(Problem("config", not_one_of(centre, ("mean", "median")), column="centre"))
    if abundance_rule not in ("measured", "mean", "weighted"):
        problems.append(
            Problem("config", not_one_of(abundance_rule, ("measured", "mean", "weighted")), column="abundance_rule")
        )
    if not 0 < interval < 1:
        problems.append(Problem("config", f"{interval}; expected a share between 0 and 1", column="interval"))
    if not pseudocount >= 0:
        problems.append(Problem("config", f"{pseudocount}; expected a number of 0 or more", column="pseudocount"))
    if problems:
        raise InputError(problems)
    limits = _checked_limits(limits)
    counts = checked_counts(counts, bins.names, elements, where)
    n = len(counts)
    if n < 2:
        raise InputError(Problem(where, f"{n} element; the estimate needs two or more to compare"))
    abundance = checked_abundance(abundance, n, elements, where)
    is_control = np.zeros(n, dtype=bool) if is_control is None else np.asarray(is_control)
    if is_control.shape != (n,) or is_control.dtype != bool:
        raise InputError(Problem(where, f"controls must be {n} booleans, one for each element", column="control"))
    _warn_about_counts(counts, abundance, bins.names, pseudocount)

    cells = None if cells is None else np.asarray(cells, dtype=float)
    allowed, dispersion = _intervals(counts, abundance, abundance_rule, bins, limits, cells, unsorted_cells, interval)
    own = counts.sum(axis=1)
    copies = dispersion.inflation if abundance_rule == "measured" else np.ones(len(bins.names))
    independent = np.einsum("ib,b->i", counts, 1 / copies)
    counts, abundance = add_pseudocount(counts, abundance, pseudocount)
    fraction = abundance / math.fsum(abundance)
    totals = counts.sum(axis=0)
    mean, flat = np.empty(n), np.zeros(n, dtype=bool)
    progress = Progress("estimate expression (maude)", n, "elements")
    for first in range(0, n, BLOCK):
        part = slice(first, min(first + BLOCK, n))
        if optimum == "r":
            mean[part] = r_means(counts[part], totals, fraction[part], bins, limits)
            flat[part] = best_means(counts[part], totals, fraction[part], bins, limits)[1]
        else:
            mean[part], flat[part] = best_means(counts[part], totals, fraction[part], bins, limits)
        progress.advance(part.stop - part.start)

    known = ~np.isnan(mean)
    at_limit = known & ((np.abs(mean - limits[0]) <= FLAT) | (np.abs(mean - limits[1]) <= FLAT))
    height = log_likelihood(mean, counts, totals, fraction, bins)
    information = independent * information_per_read(mean, totals, bins)
    usable = known & ~at_limit & ~flat & (information > 0)
    # Where the summit of the reads alone is a limit (all in an end bin), the curvature is that expected at the mean.
    expected = np.sqrt(allowed.scale / np.where(usable, information, 1.0))
    error = np.where(np.isfinite(allowed.standard_error), allowed.standard_error, expected)
    error = np.where(usable, error, np.nan)
    all_reads = counts.sum(axis=1)
    control_centre = _control_centre(mean, is_control, centre)
    at_centre = log_likelihood(np.full(n, control_centre), counts, totals, fraction, bins)
    if at_limit.any():
        logger.warning("%d of %d elements lie at a limit of [%g, %g]", at_limit.sum(), n, *limits)
    if flat.any() or not known.all():
        logger.warning("%d of %d elements hold no information about their mean", (flat | ~known).sum(), n)
    return MaudeEstimate(
        counts=counts,
        abundance=abundance,
        library_fraction=fraction,
        mean=mean,
        standard_error=error,
        low=np.fmin(allowed.low, np.where(np.isnan(allowed.low), np.nan, mean)),
        high=np.fmax(allowed.high, np.where(np.isnan(allowed.high), np.nan, mean)),
        reads_low=allowed.low,
        reads_high=allowed.high,
        pseudocount_share=1 - own / np.maximum(all_reads, 1),
        log_likelihood=height,
        log_likelihood_ratio=height - at_centre,
        z=mean - control_centre,
        at_limit=at_limit,
        no_information=flat | ~known,
        control_centre=control_centre,
    )
