"""Maps of one change at all levels, as a file.

Inputs: views of reference and variant with their maps. Outputs: ``.npz`` that figures and users read.
Coordinates are 0-based and half-open, along the chromosome that a view shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cisflow.files import opened_arrays, write_arrays
from cisflow.models.cascade_zoom import Ladder
from cisflow.variants.changes import Asked
from cisflow.variants.contact_effects import Seen, VariantModel
from cisflow.variants.contact_scores import impact_of, pair_bins, row_of


@dataclass(frozen=True)
class Ladders:
    """Everything that is drawn of a change; replicates are averaged.

    Attributes
    ----------
    name, kind, model : str
    levels, bin_size : int64 array, (levels,)
        bp, coarse to fine.
    view, label : str array, (views,)
        ``ref``, ``ref_l``, ``alt``, ...; chromosome that it shows.
    position : int64 array, (views,)
        Base that its windows are centred on.
    breakpoints : int64 array, (views, most)
        Positions of the change; -1 where a view has fewer.
    start, end : int64 array, (views, levels)
        Windows; the end is that of the chromosome where a window reaches beyond.
    log_ratio : float32 array, (views, levels, bins, bins)
        Natural log of observed over expected contacts.
    counterpart : float32 array, (views, levels, bins, bins)
        Reference in the frame of a view of the variant, NaN where it shows what the reference views do not; of a
        reference view NaN.
    impact : float64 array, (views, levels)
        See :class:`~cisflow.variants.contact_scores.Impact`; of the averaged maps. NaN for reference views.
    """

    name: str
    kind: str
    model: str
    levels: np.ndarray
    bin_size: np.ndarray
    view: np.ndarray
    label: np.ndarray
    position: np.ndarray
    breakpoints: np.ndarray
    start: np.ndarray
    end: np.ndarray
    log_ratio: np.ndarray
    counterpart: np.ndarray
    impact: np.ndarray

    @classmethod
    def of(cls, model: VariantModel, asked: Asked, references: Sequence[Seen], alternatives: Sequence[Seen]) -> Ladders:
        """Collect what :func:`~cisflow.variants.contact_effects.look_at` found."""
        ladder, seen = model.placer.ladder, [*references, *alternatives]
        maps = np.stack([one.maps.mean(axis=0, dtype=np.float64) for one in seen]).astype(np.float32)
        counterpart = np.full(maps.shape, np.nan, dtype=np.float32)
        impact = np.full(maps.shape[:2], np.nan)
        for k in range(len(references), len(seen)):
            for level in range(len(ladder.levels)):
                pairing = pair_bins(seen[k].given, [one.given for one in references], ladder, level)
                counterpart[k, level] = pairing.counterpart(list(maps[: len(references), level]))
                row = row_of(seen[k].given, ladder, level)
                impact[k, level] = impact_of(maps[k, level], counterpart[k, level], row).impact
        views = [one.given.view for one in seen]
        breakpoints = np.full((len(views), max(1, *(len(view.breakpoints) for view in views))), -1, dtype=np.int64)
        for k, view in enumerate(views):
            breakpoints[k, : len(view.breakpoints)] = view.breakpoints
        return cls(
            asked.name,
            asked.change.kind,
            model.name,
            np.array(ladder.levels, dtype=np.int64),
            np.array(ladder.bin_sizes, dtype=np.int64),
            np.array([view.name for view in views]),
            np.array([view.label for view in views]),
            np.array([view.position for view in views], dtype=np.int64),
            breakpoints,
            np.stack([one.given.starts() for one in seen]),
            _ends(seen, ladder),
            maps,
            counterpart,
            impact,
        )

    def write(self, path: str | Path) -> None:
        """Write a compressed ``.npz``; equal content gives equal bytes."""
        write_arrays({name: np.asarray(value) for name, value in asdict(self).items()}, path)

    @classmethod
    def read(cls, path: str | Path) -> Ladders:
        """Read what :meth:`write` has written.

        Raises
        ------
        InputError
            When the file is missing or another one.
        """
        with opened_arrays(path, "maps of a variant") as given:
            values = {name: given[name] for name in cls.__dataclass_fields__}
        return cls(**values | {name: str(values[name]) for name in ("name", "kind", "model")})


def _ends(seen: Sequence[Seen], ladder: Ladder) -> np.ndarray:
    ends = [
        np.minimum(one.given.starts() + np.array(ladder.levels), one.given.start + one.given.inside) for one in seen
    ]
    return np.stack(ends).astype(np.int64)
