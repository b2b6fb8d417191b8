"""Views of a contact map: models that are tested on the same windows, and can therefore be compared.

Inputs: rows of the models sheet and their recipes. Outputs: names of views and the models in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cisflow.models.contact_settings import fill_from_others
from cisflow.settings.contact_figures import comparable_maps, drawn_windows, regions_on, shared_setting

#: Settings of a recipe that decide which windows a model is tested on, and what counts in them.
DECIDING = {
    "window": ("bins", "bin_size", "levels", "resolution"),
    "evaluation": ("step_bins", "zoom", "assemblies", "shortest", "longest", "max_missing_in_bin"),
}


@dataclass(frozen=True)
class View:
    """Models of a map with equal windows.

    Attributes
    ----------
    name : str
        That of the map for the first model and those like it, else ``<map>.<first model>``.
    map_name : str
    rows : tuple of mapping
        Rows of the models sheet.
    """

    name: str
    map_name: str
    rows: tuple[Mapping[str, Any], ...]


def views_of(
    map_name: str, rows: Sequence[Mapping[str, Any]], recipes: Mapping[str, Mapping[str, Any]], resolution: int
) -> list[View]:
    """Views of a map, in the order of their first models.

    Parameters
    ----------
    map_name : str
    rows : sequence of mapping
        Models of the map.
    recipes : mapping
        By their path in the sheet.
    resolution : int
        Bin size of the map (bp), where a recipe asks for none.
    """
    given = {row["model"]: recipes[row["recipe"]] for row in rows}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        windows = repr(_windows(fill_from_others(given[row["model"]], given), resolution))
        groups.setdefault(windows, []).append(row)
    return [
        View(f"{map_name}.{group[0]['model']}" if k else map_name, map_name, tuple(group))
        for k, group in enumerate(groups.values())
    ]


def _windows(recipe: Mapping[str, Any], resolution: int) -> list[Any]:
    found: list[Any] = ["assembly" in recipe]
    for section, keys in DECIDING.items():
        values = recipe.get(section)
        values = values if isinstance(values, Mapping) else {}
        found += [values.get(key, resolution if key == "resolution" else None) for key in keys]
    return found


class ContactViews:
    """What a study knows of the views of its contact maps, see :class:`cisflow.settings.study.Study`."""

    @cached_property
    def _views(self) -> dict[str, View]:
        found = [
            view
            for name, row in self.maps.items()
            for view in views_of(name, self.models_of(name), self.recipes, row["resolution"])
        ]
        return {view.name: view for view in found}

    def views(self, map_name: str | None = None) -> list[str]:
        """Names of the views of a map, or of all maps: models that are tested on the same windows."""
        return [name for name, view in self._views.items() if map_name in (None, view.map_name)]

    def map_of(self, view: str) -> str:
        """Map of a view."""
        return self._views[view].map_name

    def viewed(self, view: str) -> list[dict[str, Any]]:
        """Rows of the models of a view."""
        return list(self._views[view].rows)

    def view_of(self, map_name: str, model: str) -> str:
        """View that a model of a map belongs to."""
        return next(v for v in self.views(map_name) if model in [row["model"] for row in self.viewed(v)])

    def shared_setting(self, view: str, section: str, key: str, default: Any) -> Any:
        """Value of a section that the models of a view share (``window``, ``evaluation``), or a default."""
        recipes = (self.recipes[row["recipe"]] for row in self.viewed(view))
        return shared_setting(recipes, section, key, default)

    def drawn_regions(self, view: str) -> list[str]:
        """Regions of the config on the test chromosomes of a view's map."""
        return regions_on(self.config["contact_figures"]["regions"], self.chromosomes(self.map_of(view), "test"))

    def drawn_windows(self, view: str) -> list[str]:
        """Names of the test windows of a view that are drawn and exported."""
        between = bool(self.shared_setting(view, "evaluation", "assemblies", 0))
        return drawn_windows(self.drawn_regions(view), between)

    def compared_maps(self) -> list[tuple[str, str]]:
        """Pairs of views of two maps whose difference is compared with that of the predictions."""
        genomes, views = self.genomes(), self.views()
        recipes = {view: {row["model"]: self.recipes[row["recipe"]] for row in self.viewed(view)} for view in views}
        maps = {view: self.maps[self.map_of(view)] for view in views}
        return comparable_maps(maps, {view: genomes.get(self.map_of(view)) for view in views}, recipes)
