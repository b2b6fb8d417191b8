"""Maps of reference and variant at all levels, breakpoints marked, and what changes between them.

Inputs: maps of a change (:class:`cisflow.variants.ladders.Ladders`). Outputs: figures with table and caption.
Layout, colours and limits of the maps are those of the field: finest level left (Zhou 2022, Nature Genetics
54:725-734).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from cisflow.contacts.regions import length_name
from cisflow.figures.contact_panels import BAR_LABEL, LIMITS
from cisflow.figures.style import CONTACT_CMAP, new_figure, save_figure
from cisflow.variants.ladders import Ladders

PANEL = 1.95  # inches
CHANGE_CMAP = "RdBu_r"
#: Smallest end of the scale of changes, so that nothing is not drawn as much.
LEAST_CHANGE = 0.05
WORDS = {
    "ref": "reference",
    "ref_l": "reference, left end",
    "ref_r": "reference, right end",
    "alt": "variant",
    "alt_l": "variant, left end",
    "alt_r": "variant, right end",
}


def _words(view: str) -> str:
    kind, _, number = view.partition("_")
    if number.isdigit():
        return f"{'reference' if kind == 'ref' else 'variant'}, place {number}"
    return WORDS.get(view, view)


def _position(value: float) -> str:
    return f"{value / 1e6:.6f}".rstrip("0").rstrip(".")


def _draw(axis: Axes, values: np.ndarray, given: Ladders, view: int, level: int, **colours: object) -> AxesImage:
    """One map with its coordinates as title and the breakpoints as ticks and thin lines."""
    start = int(given.start[view, level])
    end = start + int(given.levels[level])
    shown = CHANGE_CMAP if "cmap" not in colours else colours.pop("cmap")
    image = axis.imshow(
        np.ma.masked_invalid(values), extent=(start, end, end, start), interpolation="nearest", cmap=shown, **colours
    )
    marks = [int(mark) for mark in given.breakpoints[view] if start <= mark <= end and mark >= 0]
    for mark in marks:
        axis.axhline(mark, color="black", linewidth=0.5, alpha=0.45, dashes=(4, 3))
        axis.axvline(mark, color="black", linewidth=0.5, alpha=0.45, dashes=(4, 3))
    axis.set_xticks(marks, [""] * len(marks))
    axis.set_yticks(marks, [""] * len(marks))
    axis.tick_params(length=5, width=1.2, top=True, bottom=False, left=True, right=False, color="black")
    axis.set(xlim=(start, end), ylim=(end, start))
    return image


def _table(given: Ladders, changes: dict[int, np.ndarray]) -> pd.DataFrame:
    i, j = np.triu_indices(given.log_ratio.shape[-1])
    parts = []
    for view, name in enumerate(given.view):
        for level, (length, size) in enumerate(zip(given.levels, given.bin_size, strict=True)):
            start = int(given.start[view, level])
            part = {
                "view": name,
                "chromosome": given.label[view],
                "level": int(length),
                "start": start + int(size) * i,
                "end": start + int(size) * (j + 1),
                "log_ratio": np.round(given.log_ratio[view, level][i, j], 3),
            }
            part["change"] = np.round(changes[view][level][i, j], 3) if view in changes else np.nan
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def plot_variant_ladders(given: Ladders, svg: str | Path) -> None:
    """Draw all views of a change.

    Parameters
    ----------
    given : Ladders
    svg : path
    """
    order = np.argsort(given.levels, kind="stable")
    changes = {
        view: given.log_ratio[view] - given.counterpart[view]
        for view, name in enumerate(given.view)
        if name.startswith("alt")
    }
    rows = [*((view, False) for view in range(len(given.view))), *((view, True) for view in changes)]
    width, height = 1.7 + (PANEL + 0.15) * len(order), 0.5 + (PANEL + 0.42) * len(rows)
    figure, axes = new_figure(width, height, nrows=len(rows), ncols=len(order), squeeze=False)
    scale = LEAST_CHANGE
    if changes:
        sizes = np.abs(np.concatenate([one[np.isfinite(one)] for one in changes.values()]))
        scale = max(LEAST_CHANGE, float(np.percentile(sizes, 99.5)) if len(sizes) else 0.0)
    images: dict[bool, AxesImage] = {}
    for line, (view, difference) in enumerate(rows):
        for place, level in enumerate(order):
            axis = axes[line, place]
            if difference:
                colours = {"vmin": -scale, "vmax": scale, "cmap": _change_map()}
                images[True] = _draw(axis, changes[view][level], given, view, level, **colours)
            else:
                colours = {"vmin": LIMITS[0], "vmax": LIMITS[1], "cmap": CONTACT_CMAP}
                images[False] = _draw(axis, given.log_ratio[view, level], given, view, level, **colours)
            axis.set_title(_title(given, view, level, difference), fontsize=6.5, pad=8)
            if place == 0:
                words = _words(str(given.view[view]))
                axis.set_ylabel(f"{words}\n- reference" if difference else words, fontsize=8)
            if line == 0:
                above = f"{length_name(int(given.levels[level]))}, bins of {length_name(int(given.bin_size[level]))}"
                axis.set_title(f"{above}\n{_title(given, view, level, difference)}", fontsize=6.5, pad=8)
    n_maps = len(given.view)
    bar = figure.colorbar(images[False], ax=axes[:n_maps], shrink=min(0.9, 1.6 / n_maps), aspect=25, extend="both")
    bar.set_label(BAR_LABEL, fontsize=8)
    if changes:
        last = figure.colorbar(
            images[True], ax=axes[n_maps:], shrink=min(0.9, 1.6 / len(changes)), aspect=25, extend="both"
        )
        last.set_label("change of the log ratio", fontsize=8)
    title = f"{given.name}, {given.model}"
    save_figure(figure, _table(given, changes), svg, f"Predicted contacts around {title}", _caption(given, order))


def plot_nothing(svg: str | Path, name: str) -> None:
    """Say that no variant of a set was predicted."""
    figure, axis = new_figure(4.0, 1.0)
    axis.text(0.5, 0.5, "no variant was predicted", ha="center", va="center")
    axis.set_axis_off()
    caption = f"No variant of {name} was predicted; the table of statuses says why."
    save_figure(
        figure, pd.DataFrame(columns=["view", "level", "log_ratio"]), svg, f"Predicted contacts, {name}", caption
    )


def _change_map() -> object:
    import matplotlib

    return matplotlib.colormaps[CHANGE_CMAP].with_extremes(bad="#AAAAAA")


def _title(given: Ladders, view: int, level: int, difference: bool) -> str:
    if difference:
        value = given.impact[view, level]
        return f"impact {value:.3g}" if np.isfinite(value) else "nothing to compare with"
    start, end = given.start[view, level], given.start[view, level] + given.levels[level]
    return f"{given.label[view]}:{_position(start)}-{_position(end)} Mb"


def _caption(given: Ladders, order: np.ndarray) -> str:
    text = (
        f"{given.kind.capitalize()} {given.name}: contact maps that {given.model} predicts around its places, at every "
        "level, the finest left. Dashed lines and ticks: ends of the change in the reference, its junctions in the "
        "variant (coordinates of the rearranged chromosome). Colour: natural log of observed over expected contacts, "
        f"{LIMITS[0]:g} to {LIMITS[1]:g}; both strands and all replicates are averaged."
    )
    alternatives = [view for view, name in enumerate(given.view) if str(name).startswith("alt")]
    if not alternatives:
        return text
    numbers = "; ".join(
        f"{_words(str(given.view[view]))} "
        + ", ".join(f"{given.impact[view, level]:.3g} ({length_name(int(given.levels[level]))})" for level in order)
        for view in alternatives
    )
    return (
        f"{text} Last rows: variant minus the reference map of the same bases (grey: inserted bases, or pairs that no "
        "reference window shows). Impact: mean absolute change on the row of the junction. A change without effect "
        f"leaves these panels white. Impact: {numbers}."
    )
