"""A study: the config and its sheets, read, checked and joined.

Inputs: the config dict and the folders where relative paths start. Outputs: a :class:`Study` that the rules ask for
libraries, bins, files, datasets, models and maps; or one :class:`~cisflow.problems.InputError` with every problem.
Nothing here reads data files: it must stay cheap, because Snakemake parses it again in every job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cisflow.models.contact_settings import fill_from_others
from cisflow.models.prix_fixe import complete_recipe
from cisflow.models.profiles.settings import profile_settings
from cisflow.models.recipes import check_expression_recipe
from cisflow.problems import InputError, Problem
from cisflow.settings.cluster_checks import cluster_problems
from cisflow.settings.contact_checks import (
    asked_resolution,
    base_resolution_problems,
    genome_names,
    replicate_problems,
    resolution_problems,
)
from cisflow.settings.contact_figures import (
    region_problems,
)
from cisflow.settings.cross_validation import fold_names
from cisflow.settings.designs import design_problems, designing_models, motif_problems
from cisflow.settings.downloads import PublicFiles, download_problems
from cisflow.settings.links import BRACES, brace_problems, link_problems
from cisflow.settings.profiles import assay_problems
from cisflow.settings.queries import query_problems
from cisflow.settings.read_checks import structure_problems
from cisflow.settings.schema import check_config, in_schema_order, read_schema
from cisflow.settings.screens import screen_problems
from cisflow.settings.sheets import duplicates, read_sheet, sound_cells
from cisflow.settings.stage_checks import assembly_problems, recipe_problems, start_problems, start_row, start_seed
from cisflow.settings.variants import predicting_models, variant_problems
from cisflow.settings.views import ContactViews
from cisflow.user_files import read_yaml

TASKS = ("expression", "contacts", "profiles")
SHEETS = (
    "libraries",
    "bins",
    "reads",
    "datasets",
    "contact_maps",
    "profiles",
    "models",
    "designs",
    "variants",
    "screens",
    "queries",
    "downloads",
)
#: Sheets that no other sheet names: wrong values in them need not wait for their links and files to be told.
QUESTIONS = ("designs", "variants", "screens", "queries")
KEYS = {
    "libraries": ("library",),
    "bins": ("library", "bin"),
    "reads": ("library", "bin", "read1", "barcode"),
    "datasets": ("dataset",),
    "contact_maps": ("map",),
    "profiles": ("assay",),
    "models": ("model", "dataset"),
    "designs": ("design",),
    "variants": ("variants",),
    "screens": ("screen",),
    "queries": ("query",),
    "downloads": ("file",),
}


@dataclass
class Study(ContactViews):
    """Checked settings of one run.

    Attributes
    ----------
    config : dict
        The whole config.
    libraries, datasets, maps, assays, designs, variants, screens, queries : dict of dict
        Rows of the sheets by name.
    chromosome_folds : dict of list of dict
        Folds of each assay, see :func:`cisflow.settings.profiles.read_folds`.
    samples : dict of list of str
        Libraries that are replicates, by the name of their sample.
    bins : dict of list of dict
        Rows of the bins sheet by library, sorted by position, unsorted bins last.
    reads : dict
        Rows of the reads sheet by (library, bin).
    models : list of dict
        Rows of the models sheet with ``seeds`` as a list of int.
    recipes : dict
        Content of each recipe by its path in the sheet.
    public : PublicFiles
        Files of the downloads sheet.
    """

    config: dict[str, Any]
    folders: tuple[Path, ...]
    libraries: dict[str, dict[str, Any]] = field(default_factory=dict)
    bins: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reads: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    samples: dict[str, list[str]] = field(default_factory=dict)
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    maps: dict[str, dict[str, Any]] = field(default_factory=dict)
    assays: dict[str, dict[str, Any]] = field(default_factory=dict)
    designs: dict[str, dict[str, Any]] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    screens: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: dict[str, dict[str, Any]] = field(default_factory=dict)
    chromosome_folds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    public: PublicFiles = field(default_factory=PublicFiles)

    def path(self, name: str) -> str:
        """Where a path of a sheet lies: under ``data_dir``, the working folder or the checkout, or where a public file
        will be; unchanged when in none of them.
        """
        if name in self.public.local:
            return self.public.local[name]
        for folder in self.folders:
            if (folder / name).exists():
                return str(folder / name)
        return self.public.place(name) if name in self.public else name

    def files_under(self, name: str) -> list[str]:
        """Files of a folder of a sheet: those that are there, or those that will be unpacked from public archives."""
        if Path(self.path(name)).exists():
            return sorted(str(path) for path in Path(self.path(name)).rglob("*") if path.is_file())
        return sorted(map(self.public.place, self.public.unpacked_under(name)))

    def is_known(self, name: str) -> bool:
        """Whether a path of a sheet is there or will be fetched."""
        return Path(self.path(name)).exists() or name in self.public or bool(self.public.unpacked_under(name))

    def public_files(self) -> list[str]:
        """Files of the downloads sheet that the run needs: not archives whose members the user has unpacked."""
        missing = {
            archive for name, (archive, _) in self.public.unpacked.items() if self.path(name) == self.public.place(name)
        }
        archives = {archive for archive, _ in self.public.unpacked.values()}
        return [name for name in self.public.sources if name in missing or name not in archives]

    def bin_names(self, library: str, role: str | None = None) -> list[str]:
        """Names of a library's bins in the order of their position (``role``: only sorted or unsorted ones)."""
        return [row["bin"] for row in self.bins[library] if role in (None, row["role"])]

    def methods(self, library: str) -> list[str]:
        """Expression estimates of a library, or of the replicates of a sample."""
        return self.libraries[self.members(library)[0]]["methods"].split(",")

    def members(self, name: str) -> list[str]:
        """Libraries behind a name: the replicates of a sample, or the library itself."""
        return self.samples.get(name, [name])

    def models_of(self, dataset: str) -> list[dict[str, Any]]:
        """Rows of the models that are trained on a dataset or map."""
        return [row for row in self.models if row["dataset"] == dataset]

    def folds(self, dataset: str) -> list[str]:
        """Test folds of a dataset that is cross-validated; none for the others."""
        return fold_names(self.datasets[dataset])

    def trained_on(self, dataset: str) -> str:
        """Dataset whose models are tested on a dataset: itself, unless it takes them from another one."""
        return self.datasets.get(dataset, {}).get("models_from") or dataset

    def tested_on(self, dataset: str) -> list[dict[str, Any]]:
        """Rows of the models that are tested on a dataset."""
        return self.models_of(self.trained_on(dataset))

    def designers(self, design: str) -> list[str]:
        """Models that make a design, in its order."""
        row = self.designs[design]
        return designing_models(row, [model["model"] for model in self.models_of(row["dataset"])])

    def variant_models(self, name: str) -> list[str]:
        """Models that predict a set of variants, in its order."""
        return predicting_models(self, self.variants[name])

    def screen_models(self, name: str) -> list[str]:
        """Models that are asked a screen, in its order."""
        return predicting_models(self, self.screens[name])

    def query_models(self, name: str) -> list[str]:
        """Models that answer a query, in its order."""
        return predicting_models(self, self.queries[name])

    def queries_of(self, task: str) -> list[str]:
        """Queries of models of a task, ``expression`` or ``contacts``."""
        return [name for name, row in self.queries.items() if (row["dataset"] in self.maps) == (task == "contacts")]

    def screens_of(self, kind: str) -> list[str]:
        """Screens of a kind, ``disruption`` or ``insertion``."""
        return [name for name, row in self.screens.items() if row["kind"] == kind]

    def recipe(self, model: str, dataset: str) -> dict[str, Any]:
        """Recipe of a model."""
        row = next(r for r in self.models_of(dataset) if r["model"] == model)
        return self.recipes[row["recipe"]]

    def contact_files(self, map_name: str) -> list[str]:
        """Files of contacts of a map, as in the sheet; none for simulated ones."""
        row = self.maps[map_name]
        if row["source"] == "simulated":
            return []
        names = (row[row["source"]] or "").split(",") if row["source"] == "pairs" else [row[row["source"]]]
        return [name.strip() for name in names if name and name.strip()]

    def map_files(self) -> list[dict[str, Any]]:
        """Maps that are not simulated with their files, as :class:`cisflow.contacts.input_checks.MapFiles` has them."""
        return [
            {
                "name": name,
                "source": row["source"],
                "contacts": [self.path(file) for file in self.contact_files(name)],
                "genome": row["genome"] and self.path(row["genome"]),
                "rename": row["rename"] and self.path(row["rename"]),
                "resolutions": self.resolutions(name),
                "base": row["base_resolution"],
                "tolerance": row["length_tolerance"] or 0,
                "weights": row["weights"],
                "validation": self.chromosomes(name, "validation"),
                "test": self.chromosomes(name, "test"),
            }
            for name, row in self.maps.items()
            if row["source"] != "simulated"
        ]

    def genomes(self) -> dict[str, str]:
        """Name of the genome of each map."""
        return genome_names(self.maps)

    def resolution(self, model: str, map_name: str) -> int:
        """Bin size (bp) at which a model reads its map: ``window.resolution`` of the recipe, else that of the sheet.

        A recipe without ``window`` takes that of another model, see
        :func:`~cisflow.models.contact_settings.fill_from_others`.
        """
        others = {row["model"]: self.recipes[row["recipe"]] for row in self.models_of(map_name)}
        recipe = fill_from_others(self.recipe(model, map_name), others)
        return asked_resolution(recipe) or self.maps[map_name]["resolution"]

    def resolutions(self, map_name: str) -> list[int]:
        """Bin sizes (bp) at which a map is prepared: that of the sheet, then those that recipes ask for, rising."""
        base = self.maps[map_name]["resolution"]
        asked = {self.resolution(row["model"], map_name) for row in self.models_of(map_name)}
        return [base, *sorted(asked - {base})]

    def suffix(self, map_name: str, resolution: int | None = None) -> str:
        """Suffix of the names of a map's files: empty at the resolution of the sheet (None as well), else ``.4000``."""
        return "" if resolution in (None, self.maps[map_name]["resolution"]) else f".{resolution}"

    def start_of(self, model: str, map_name: str, seed: int) -> tuple[str, int] | str | None:
        """What a replicate of a contact model starts from: (model, replicate), the folder of a bundle, or nothing."""
        recipe = self.recipe(model, map_name)
        row = start_row(recipe, self.models_of(map_name))
        if row is not None:
            return row["model"], start_seed(row, seed)
        return self.path(recipe["start_from"]) if recipe.get("start_from") else None

    def assay_recipes(self, assay: str) -> list[dict[str, Any]]:
        """Recipes of an assay: that of its bias model, then those of its networks."""
        paths = [self.assays[assay]["bias_recipe"], *(row["recipe"] for row in self.models_of(assay))]
        return [self.recipes[path] for path in paths]

    def uses_simulated(self, arm: str) -> bool:
        """Whether the run simulates input for ``arm`` (``expression`` or ``contacts``)."""
        rows = self.libraries.values() if arm == "expression" else self.maps.values()
        return any(row["source"] == "simulated" for row in rows)

    def chromosomes(self, map_name: str, role: str) -> list[str]:
        """Held-out chromosomes of a map; ``role`` is ``validation`` or ``test``."""
        return [name.strip() for name in self.maps[map_name][f"{role}_chromosomes"].split(",") if name.strip()]


def _read_recipes(study: Study, shown: str, rows: list[dict[str, Any]]) -> list[Problem]:
    problems = []
    for row in rows:
        path = Path(study.path(row["recipe"] or ""))
        if not path.is_file() or row["recipe"] in study.recipes:
            continue
        try:
            recipe = read_yaml(path, "a recipe, see config/recipes")
        except InputError as error:
            problems += [replace(problem, where=row["recipe"]) for problem in error.problems]
            continue
        if not isinstance(recipe, dict) or "task" not in recipe:
            problems.append(Problem(row["recipe"], f"missing; expected one of: {', '.join(TASKS)}", column="task"))
            continue
        try:
            if recipe["task"] == "expression":
                recipe = complete_recipe(recipe, row["recipe"])
                check_expression_recipe(recipe, row["recipe"])
            elif recipe["task"] == "profiles":
                profile_settings(recipe, row["recipe"])
        except InputError as error:
            problems += error.problems
            continue
        study.recipes[row["recipe"]] = recipe
        arm = "contacts" if row["dataset"] in study.maps else "expression"
        arm = "profiles" if row["dataset"] in study.assays else arm
        if recipe["task"] != arm and row["dataset"] in {**study.datasets, **study.maps, **study.assays}:
            problems.append(
                Problem(
                    shown,
                    f"{row['recipe']} is for task {recipe['task']!r}, but {row['dataset']!r} is of {arm}",
                    row["_row"],
                )
            )
    return problems


def _stage_problems(study: Study, shown: str) -> list[Problem]:
    """Problems of the recipes of contact models, and of the models that they start from."""
    problems = []
    for map_name in study.maps:
        rows = study.models_of(map_name)
        starts = {recipe.get("start_from") for recipe in study.recipes.values()}
        folders = {name: study.path(name) for name in starts if isinstance(name, str)}
        problems += recipe_problems(rows, study.recipes) + start_problems(rows, study.recipes, folders)
    return problems + assembly_problems(study.maps, study.models, study.recipes, shown)


def read_study(config: dict[str, Any], schemas: str | Path, checkout: str | Path, workdir: str | Path = ".") -> Study:
    """Read and check a config and its sheets.

    Parameters
    ----------
    config : dict
        The config as merged by Snakemake; its keys are put into the order of the schema.
    schemas : path
        Folder of the JSON schemas.
    checkout : path
        Folder of the workflow; relative paths may start there.
    workdir : path
        Working folder of the run; a relative ``data_dir`` starts there.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        With every problem of config and sheets.
    """
    try:
        return _read_study(config, Path(schemas), Path(checkout), Path(workdir))
    except OSError as error:  # a name too long for a file, a folder that may not be read
        name = str(error.filename or "")
        raise InputError(Problem("config", f"{error.strerror}: {name[:80]}{'...' * (len(name) > 80)}")) from None


def _read_study(config: dict[str, Any], schemas: Path, checkout: Path, workdir: Path) -> Study:
    schema = read_schema(schemas / "config.schema.yaml")
    problems = check_config(config, schema)
    if not problems:
        problems = structure_problems(config["reads"]) + cluster_problems(config["cluster"])
    if problems:
        raise InputError(problems)
    in_schema_order(config, schema)
    data_dir = workdir / config["data_dir"]
    if not data_dir.is_dir():
        raise InputError(Problem("config", f"folder not found: {config['data_dir']}", column="data_dir"))
    if set(str(data_dir)) & set("{}"):
        raise InputError(Problem("config", f"{config['data_dir']!r}; {BRACES}", column="data_dir"))
    study = Study(config, (data_dir, workdir, checkout))
    rows: dict[str, list[dict[str, Any]]] = {}
    asked: list[Problem] = []
    shown = {name: config["sheets"][name] or f"(no {name} sheet)" for name in SHEETS}
    for name in SHEETS:
        if config["sheets"][name] is None:
            rows[name] = []
            continue
        path = study.path(config["sheets"][name])
        rows[name], found = read_sheet(path, read_schema(schemas / f"{name}.schema.yaml"), shown[name])
        found += duplicates(rows[name], KEYS[name], shown[name])
        if name in QUESTIONS:
            asked, rows[name] = asked + found, sound_cells(rows[name], found)
        else:
            problems += found
    study.libraries = {row["library"]: row for row in rows["libraries"]}
    for row in rows["libraries"]:
        if row["sample"]:
            study.samples.setdefault(row["sample"], []).append(row["library"])
    study.datasets = {row["dataset"]: row for row in rows["datasets"]}
    study.maps = {row["map"]: row for row in rows["contact_maps"]}
    study.assays = {row["assay"]: row for row in rows["profiles"]}
    study.designs = {row["design"]: row for row in rows["designs"]}
    study.variants = {row["variants"]: row for row in rows["variants"]}
    study.screens = {row["screen"]: row for row in rows["screens"]}
    study.queries = {row["query"]: row for row in rows["queries"]}
    for row in sorted(
        rows["bins"],
        key=lambda r: (r["role"] == "unsorted", r["position"] if isinstance(r["position"], float) else 0.0),
    ):
        study.bins.setdefault(row["library"], []).append(row)
    for row in rows["reads"]:
        study.reads.setdefault((row["library"], row["bin"]), []).append(row)
    for row in rows["models"]:
        seeds = [int(s) for s in str(row["seeds"] or "").split(",") if re.fullmatch("[0-9]{1,9}", s)]
        study.models.append({**row, "seeds": seeds})
    if not problems:
        problems = download_problems(rows["downloads"], config["downloads"]["local"] or {}, shown["downloads"])
    if not problems:
        study.public = PublicFiles.of(rows["downloads"], config["downloads"])
    if not problems:  # links between rows make sense only when the rows themselves do
        problems += brace_problems(study, shown, rows) + link_problems(study, shown, rows)
    problems += _read_recipes(study, shown["models"], rows["models"])
    if not problems:
        problems += assay_problems(study, schemas, shown, rows["profiles"], _read_recipes)
        problems += design_problems(study, rows["designs"], shown["designs"])
        problems += variant_problems(study, rows["variants"], shown["variants"])
        problems += screen_problems(study, rows["screens"], shown["screens"])
        problems += query_problems(study, rows["queries"], shown["queries"])
        problems += motif_problems(study, config.get("interpret", {}).get("motifs"))
        tested = {name for map_name in study.maps for name in study.chromosomes(map_name, "test")}
        problems += region_problems(config["contact_figures"]["regions"], tested)
    problems += resolution_problems(study.maps, study.models, study.recipes)
    problems += base_resolution_problems(rows["contact_maps"], shown["contact_maps"])
    problems += replicate_problems(rows["contact_maps"], shown["contact_maps"])
    problems += _stage_problems(study, shown["contact_maps"])
    if problems + asked:
        raise InputError(problems + asked)
    return study
