"""The local search of the R package, for users who must reproduce its numbers.

Purpose: R runs a bounded quasi-Newton search (L-BFGS-B with numerical derivatives) once per element, from 0. In one
dimension that method is short: the curvature is the last secant, a step goes to the minimum of the parabola or to the
limit, and a line search (More and Thuente 1994, ACM TOMS 20:286) shortens it. Doing the same here gives the same
answers, also where R stays in the lower of two maxima.
Inputs and outputs: as :mod:`cisflow.expression.maude_search`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cisflow.expression.bin_model import BinModel
from cisflow.expression.maude_likelihood import ROOT_2, log_negative_binomial

DIFFERENCE_STEP = 1e-3  # of R's numerical derivative
STOP_REDUCTION = 1e7 * np.finfo(float).eps  # R's default: stop when the objective falls by less than this share
MAX_ITERATIONS = 100
MAX_LINE_STEPS = 20
SUFFICIENT_DECREASE, CURVATURE, RELATIVE_WIDTH = 1e-3, 0.9, 0.1  # of the line search
RESCUE_POINTS = 1001  # grid on which R looks for an interval without infinite values


@njit(cache=True, error_model="numpy")
def _objective(mean, reads, totals, fraction, lower_z, upper_z, share):
    """Negative log likelihood with the rounding of R's: lower tails only, and 1 - p before its logarithm."""
    total = 0.0
    for b in range(reads.size):
        below_upper = 0.5 * math.erfc(-(upper_z[b] - mean) / ROOT_2)
        below_lower = 0.5 * math.erfc(-(lower_z[b] - mean) / ROOT_2)
        failure = 1.0 - (below_upper - below_lower) * fraction / share[b]
        if not 0.0 < failure <= 1.0:
            return math.nan
        total -= log_negative_binomial(reads[b], totals[b], 1.0 - failure)
    return total


@njit(cache=True, error_model="numpy")
def _derivative(mean, low, high, reads, totals, fraction, lower_z, upper_z, share):
    above, below = min(mean + DIFFERENCE_STEP, high), max(mean - DIFFERENCE_STEP, low)
    rise = _objective(above, reads, totals, fraction, lower_z, upper_z, share) - _objective(
        below, reads, totals, fraction, lower_z, upper_z, share
    )
    return rise / ((above - mean) + (mean - below))


@njit(cache=True, error_model="numpy")
def _cubic(x0, f0, g0, x1, f1, g1, flip):
    """Ratio of the way from ``x1`` to ``x0`` at which the cubic through both points is lowest, and its discriminant."""
    theta = 3.0 * (f0 - f1) / (x1 - x0) + g0 + g1
    s = max(abs(theta), abs(g0), abs(g1))
    gamma = s * math.sqrt(max(0.0, (theta / s) ** 2 - (g0 / s) * (g1 / s)))
    if flip:
        gamma = -gamma
    return theta, gamma


@njit(cache=True, error_model="numpy")
def _next_step(best, other, step, f, g, bracketed, shortest, longest):
    """One update of More and Thuente's interval: the new best point, the other end, the next step to try."""
    stx, fx, dx = best
    sty, fy, dy = other
    sign = g * (dx / abs(dx))
    if f > fx:  # higher: the minimum lies between
        theta, gamma = _cubic(stx, fx, dx, step, f, g, step < stx)
        cubic = stx + ((gamma - dx) + theta) / (((gamma - dx) + gamma) + g) * (step - stx)
        parabola = stx + dx / ((fx - f) / (step - stx) + dx) / 2.0 * (step - stx)
        if abs(cubic - stx) < abs(parabola - stx):
            proposal = cubic
        else:
            proposal = cubic + (parabola - cubic) / 2.0
        bracketed = True
    elif sign < 0.0:  # lower, slope turned: the minimum lies between
        theta, gamma = _cubic(stx, fx, dx, step, f, g, step > stx)
        cubic = step + ((gamma - g) + theta) / (((gamma - g) + gamma) + dx) * (stx - step)
        secant = step + g / (g - dx) * (stx - step)
        proposal = cubic if abs(cubic - step) > abs(secant - step) else secant
        bracketed = True
    elif abs(g) < abs(dx):  # lower, slope flatter
        theta, gamma = _cubic(stx, fx, dx, step, f, g, step > stx)
        ratio = ((gamma - g) + theta) / ((gamma + (dx - g)) + gamma)
        if ratio < 0.0 and gamma != 0.0:
            cubic = step + ratio * (stx - step)
        elif step > stx:
            cubic = longest
        else:
            cubic = shortest
        secant = step + g / (g - dx) * (stx - step)
        if bracketed:
            proposal = cubic if abs(cubic - step) < abs(secant - step) else secant
            limit = step + 0.66 * (sty - step)
            proposal = min(limit, proposal) if step > stx else max(limit, proposal)
        else:
            proposal = cubic if abs(cubic - step) > abs(secant - step) else secant
            proposal = max(shortest, min(longest, proposal))
    elif bracketed:  # lower, slope not flatter
        theta, gamma = _cubic(step, f, g, sty, fy, dy, step > sty)
        proposal = step + ((gamma - g) + theta) / (((gamma - g) + gamma) + dy) * (sty - step)
    else:
        proposal = longest if step > stx else shortest
    if f > fx:
        other = (step, f, g)
    else:
        if sign < 0.0:
            other = best
        best = (step, f, g)
    return best, other, proposal, bracketed


@njit(cache=True, error_model="numpy")
def _line_search(x, f, g, target, longest_step, low, high, reads, totals, fraction, lower_z, upper_z, share):
    """Search from ``x`` towards ``target`` (step 1). Returns status (0 found, 1 gave up, 2 infinite value), x, f, g."""
    direction = target - x
    f_start, slope = f, g * direction
    if not slope < 0.0:
        return 1, x, f, g
    decrease = SUFFICIENT_DECREASE * slope
    best, other = (0.0, f_start, slope), (0.0, f_start, slope)
    shortest, longest, step = 0.0, 5.0, 1.0
    width, previous_width = longest_step, 2.0 * longest_step
    bracketed, first_stage = False, True
    for _ in range(MAX_LINE_STEPS):
        x_new = target if step == 1.0 else step * direction + x
        f_new = _objective(x_new, reads, totals, fraction, lower_z, upper_z, share)
        g_new = _derivative(x_new, low, high, reads, totals, fraction, lower_z, upper_z, share)
        if not (math.isfinite(f_new) and math.isfinite(g_new)):
            return 2, x, f, g
        slope_new = g_new * direction
        enough = f_start + step * decrease
        if first_stage and f_new <= enough and slope_new >= min(SUFFICIENT_DECREASE, CURVATURE) * slope:
            first_stage = False
        stuck = bracketed and (step <= shortest or step >= longest or longest - shortest <= RELATIVE_WIDTH * longest)
        at_end = (step == longest_step and f_new <= enough and slope_new <= decrease) or (
            step == 0.0 and (f_new > enough or slope_new >= decrease)
        )
        if stuck or at_end or (f_new <= enough and abs(slope_new) <= -CURVATURE * slope):
            return 0, x_new, f_new, g_new
        if first_stage and f_new <= best[1] and f_new > enough:  # work on the function less the required decrease
            best, other, step_new, bracketed = _next_step(
                (best[0], best[1] - best[0] * decrease, best[2] - decrease),
                (other[0], other[1] - other[0] * decrease, other[2] - decrease),
                step,
                f_new - step * decrease,
                slope_new - decrease,
                bracketed,
                shortest,
                longest,
            )
            best = (best[0], best[1] + best[0] * decrease, best[2] + decrease)
            other = (other[0], other[1] + other[0] * decrease, other[2] + decrease)
        else:
            best, other, step_new, bracketed = _next_step(
                best, other, step, f_new, slope_new, bracketed, shortest, longest
            )
        if bracketed:
            if abs(other[0] - best[0]) >= 0.66 * previous_width:
                step_new = best[0] + 0.5 * (other[0] - best[0])
            previous_width, width = width, abs(other[0] - best[0])
            shortest, longest = min(best[0], other[0]), max(best[0], other[0])
        else:
            shortest, longest = best[0], step_new + 4.0 * (step_new - best[0])
        step = min(max(step_new, 0.0), longest_step)
        if bracketed and (step <= shortest or step >= longest or longest - shortest <= RELATIVE_WIDTH * longest):
            step = best[0]
    return 1, x, f, g


@njit(cache=True, error_model="numpy")
def _local_search(low, high, reads, totals, fraction, lower_z, upper_z, share):
    """R's search from 0 within the limits; NaN when it meets an infinite value."""
    x = min(max(0.0, low), high)
    f = _objective(x, reads, totals, fraction, lower_z, upper_z, share)
    g = _derivative(x, low, high, reads, totals, fraction, lower_z, upper_z, share)
    if not (math.isfinite(f) and math.isfinite(g)):
        return math.nan
    curvature, known = 1.0, False
    iteration = 0
    while iteration <= MAX_ITERATIONS:
        if g == 0.0 or (x == low and g > 0.0) or (x == high and g < 0.0):
            return x
        target = min(max(x - g / curvature, low), high)
        direction = target - x
        longest_step = 1.0
        if iteration > 0 and direction != 0.0:
            longest_step = max(1.0, ((low if direction < 0.0 else high) - x) / direction)
        status, x_new, f_new, g_new = _line_search(
            x, f, g, target, longest_step, low, high, reads, totals, fraction, lower_z, upper_z, share
        )
        if status == 2:
            return math.nan
        if status == 1:
            if not known:
                return x
            curvature, known = 1.0, False  # forget the curvature and start again from here
            continue
        iteration += 1
        if f - f_new <= STOP_REDUCTION * max(abs(f), abs(f_new), 1.0):
            return x_new
        moved, turned = x_new - x, g_new - g
        if turned * moved > np.finfo(np.float64).eps * -g * moved:
            curvature, known = turned / moved, True
        x, f, g = x_new, f_new, g_new
    return x


@njit(cache=True, error_model="numpy")
def _search(reads, totals, fractions, lower_z, upper_z, share, low, high):
    means = np.empty(reads.shape[0])
    for i in range(means.size):
        means[i] = _local_search(low, high, reads[i], totals, fractions[i], lower_z, upper_z, share)
        if math.isnan(means[i]):
            first, last = math.nan, math.nan
            for j in range(RESCUE_POINTS):
                point = low + (high - low) * j / (RESCUE_POINTS - 1)
                if math.isfinite(_objective(point, reads[i], totals, fractions[i], lower_z, upper_z, share)):
                    if math.isnan(first):
                        first = point
                    last = point
            if first < last:
                means[i] = _local_search(first, last, reads[i], totals, fractions[i], lower_z, upper_z, share)
    return means


def r_means(
    counts: np.ndarray, totals: np.ndarray, fractions: np.ndarray, bins: BinModel, limits: tuple[float, float]
) -> np.ndarray:
    """Mean of every element where the R package's search from 0 stops.

    Parameters are those of :func:`cisflow.expression.maude_search.best_means`.

    Returns
    -------
    float64 ndarray, shape (n,)
        NaN where the R package would stop with an error, twice without finite values.
    """
    low, high = map(float, limits)
    return _search(
        np.ascontiguousarray(counts, dtype=float),
        np.ascontiguousarray(totals, dtype=float),
        np.ascontiguousarray(fractions, dtype=float),
        *bins.kernel_edges,
        low,
        high,
    )
