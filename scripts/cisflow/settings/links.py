"""Whether the rows of a study's sheets name each other, and files that exist.

Inputs: a study as read, with its rows. Outputs: every problem with file, row, column and value.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.problems import Problem, not_one_of
from cisflow.reads.structure import parse_structure
from cisflow.settings.cross_validation import fold_problems
from cisflow.settings.dataset_columns import layout_problems
from cisflow.settings.downloads import listed
from cisflow.settings.read_checks import barcode_problems, mate_problems, simulated_problems

if TYPE_CHECKING:
    from cisflow.settings.study import Study

#: Columns of the datasets sheet that may list several files.
SEVERAL_FILES = ("train_table", "sequence_files")
BRACES = "names of files and folders must not hold { or }, which are wildcards to Snakemake"


def _sample_problems(study: Study, shown: str) -> list[Problem]:
    """Problems of libraries that are replicates of one sample."""
    problems = []
    for sample, libraries in study.samples.items():
        first = study.libraries[libraries[0]]
        if sample in study.libraries:
            message = f"{sample!r} is also the name of a library; a sample needs a name of its own"
            problems.append(Problem(shown, message, first["_row"], "sample"))
        if len(libraries) < 2:
            message = f"sample {sample!r} has one library; replicates are two or more (leave empty without replicates)"
            problems.append(Problem(shown, message, first["_row"], "sample"))
        for other in (study.libraries[name] for name in libraries[1:]):
            if other["kind"] != first["kind"]:
                message = f"{other['kind']}, but {libraries[0]!r} of the same sample is {first['kind']}"
                problems.append(Problem(shown, message, other["_row"], "kind"))
            if set((other["methods"] or "").split(",")) != set((first["methods"] or "").split(",")):
                message = f"{other['methods']}, but {libraries[0]!r} of the same sample has {first['methods']}"
                problems.append(Problem(shown, message, other["_row"], "methods"))
    return problems


def _models_from_problems(study: Study, row: dict[str, Any], shown: str) -> list[Problem]:
    """Problems of a dataset that is tested with the models of another one."""
    other = row["models_from"]
    if other is None:
        return []
    problems = []
    if other == row["dataset"] or other not in study.datasets or not study.models_of(other) or study.folds(other):
        trained = [name for name in study.datasets if study.models_of(name) and not study.folds(name)]
        what = f"not a dataset that models are trained on: {not_one_of(other, trained)}"
        problems.append(Problem(shown, what, row["_row"], "models_from"))
    for column in ("train_table", "train_library"):
        if row[column]:
            what = f"{row[column]!r} has no place beside models_from: nothing is trained on this dataset"
            problems.append(Problem(shown, what, row["_row"], column))
    if study.models_of(row["dataset"]):
        what = f"models are trained on {row['dataset']!r} itself (models sheet); give one or the other"
        problems.append(Problem(shown, what, row["_row"], "models_from"))
    if not (row["test_table"] or row["test_library"]):
        problems.append(Problem(shown, "empty; required with models_from", row["_row"], "test_table"))
    return problems


def brace_problems(study: Study, shown: dict[str, str], rows: dict[str, list[dict[str, Any]]]) -> list[Problem]:
    """Problems of files whose names hold braces: Snakemake would take what stands between them for a wildcard."""
    return [
        Problem(shown[sheet], f"{value!r}; {BRACES}", row["_row"], column)
        for sheet, found in rows.items()
        for row in found
        for column, value in row.items()
        if isinstance(value, str) and any(set(name) & set("{}") and study.is_known(name) for name in listed(value))
    ]


def link_problems(study: Study, shown: dict[str, str], rows: dict[str, list[dict[str, Any]]]) -> list[Problem]:
    """Problems between the sheets: names that are not defined, columns that a choice requires."""
    problems: list[Problem] = []

    def known(sheet: str, row: dict, column: str, names: Any, what: str) -> bool:
        if row[column] is None or row[column] in names:
            return True
        expected = not_one_of(row[column], names) if names else f"{row[column]!r}, but there are none"
        problems.append(Problem(shown[sheet], f"unknown {what}: {expected}", row=row["_row"], column=column))
        return False

    def needs(sheet: str, row: dict, column: str, why: str) -> None:
        if row[column] is None:
            problems.append(Problem(shown[sheet], f"empty; required {why}", row=row["_row"], column=column))

    def file_exists(sheet: str, row: dict, column: str) -> None:
        for name in listed(row[column]) if column in SEVERAL_FILES else [row[column]]:
            if name is not None and column != "subsets" and Path(study.path(name)).is_dir():
                problems.append(Problem(shown[sheet], f"{name} is a folder, not a file", row["_row"], column))
            if name is None or study.is_known(name):
                continue
            looked = ", ".join(dict.fromkeys(str(folder / name) for folder in study.folders))
            problems.append(
                Problem(shown[sheet], f"file not found: {name} (looked for {looked})", row=row["_row"], column=column)
            )

    for row in rows["libraries"]:
        library = row["library"]
        bins = study.bins.get(library, [])
        if len([b for b in bins if b["role"] == "sorted"]) < 2:
            problems.append(
                Problem(
                    shown["libraries"],
                    f"library {library!r} needs two or more sorted bins in the bins sheet",
                    row["_row"],
                )
            )
        if row["source"] == "counts":
            needs("libraries", row, "counts", "when source is counts")
            needs("libraries", row, "sequence_column", "when source is counts")
            for b in bins:
                needs("bins", b, "column", "when the library's source is counts")
        if row["source"] == "fastq":
            for b in bins:
                if (library, b["bin"]) not in study.reads:
                    problems.append(
                        Problem(shown["bins"], f"no reads for bin {b['bin']!r} of library {library!r}", b["_row"])
                    )
        if row["kind"] == "designed" and row["source"] == "fastq":
            needs("libraries", row, "ordered_sequences", "when kind is designed")
        for column in ("counts", "ordered_sequences"):
            file_exists("libraries", row, column)
        if row["methods"] and "maude" in row["methods"]:
            for b in bins:
                if b["role"] == "sorted":
                    needs("bins", b, "lower_quantile", "by method maude")
                    needs("bins", b, "upper_quantile", "by method maude")
        if study.config["estimate"]["bin_weights"] == "cells" and row["methods"] and "bin-mean" in row["methods"]:
            for b in bins:
                if b["role"] == "sorted" and (b["lower_quantile"] is None or b["upper_quantile"] is None):
                    needs("bins", b, "cells", "by bin weights `cells` where the quantiles are not given")
    problems += _sample_problems(study, shown["libraries"])
    estimated = {**study.libraries, **study.samples}
    for row in rows["bins"]:
        known("bins", row, "library", study.libraries, "library")
        low, high = row["lower_quantile"], row["upper_quantile"]
        if isinstance(low, float) and isinstance(high, float) and low >= high:
            problems.append(
                Problem(
                    shown["bins"],
                    f"{high:g} must be greater than lower_quantile {low:g}",
                    row["_row"],
                    "upper_quantile",
                )
            )
    for library, bins in study.bins.items():
        ordered = [b for b in bins if b["role"] == "sorted"]
        for column in ("lower_bound", "upper_bound", "lower_quantile", "upper_quantile"):
            for before, after in pairwise(ordered):
                if before[column] is not None and after[column] is not None and after[column] < before[column]:
                    problems.append(
                        Problem(
                            shown["bins"],
                            f"{after[column]:g} of bin {after['bin']!r} lies below {before[column]:g} of bin "
                            f"{before['bin']!r}, although its position is higher; are bins of {library} swapped?",
                            after["_row"],
                            column,
                        )
                    )
    for row in rows["reads"]:
        if known("reads", row, "library", study.libraries, "library"):
            known("reads", row, "bin", [b["bin"] for b in study.bins.get(row["library"], [])], "bin")
        file_exists("reads", row, "read1")
        file_exists("reads", row, "read2")
        if row["read2"] is not None and row["read2"] == row["read1"]:
            message = f"{row['read2']} is read1 as well; expected the other mates, or nothing for single reads"
            problems.append(Problem(shown["reads"], message, row["_row"], "read2"))
    structure = parse_structure(study.config["reads"]["structure"])
    problems += simulated_problems(structure, rows["libraries"], shown["libraries"])
    problems += mate_problems(structure, rows["reads"], shown["reads"])
    problems += barcode_problems(structure, study.config["reads"]["barcode_mismatches"], rows["reads"], shown["reads"])
    problems += fold_problems(rows["datasets"], shown["datasets"])
    problems += layout_problems(rows["datasets"], shown["datasets"])
    for row in rows["datasets"]:
        for side in ("train", "test"):
            library, method = row[f"{side}_library"], row[f"{side}_method"]
            if known("datasets", row, f"{side}_library", estimated, "library or sample") and library:
                needs("datasets", row, f"{side}_method", f"with {side}_library")
                if method:
                    known("datasets", row, f"{side}_method", study.methods(library), f"method of library {library}")
            if library and row[f"{side}_table"]:
                problems.append(
                    Problem(
                        shown["datasets"],
                        f"give {side}_library or {side}_table, not both",
                        row["_row"],
                        f"{side}_table",
                    )
                )
            file_exists("datasets", row, f"{side}_table")
        if row["subsets"] == "simulated":
            name = row["test_library"] or ""
            tested = study.libraries.get(study.members(name)[0], {})
            if (tested.get("kind"), tested.get("source")) != ("designed", "simulated"):
                problems.append(
                    Problem(
                        shown["datasets"],
                        "'simulated' needs a test_library of kind designed and source simulated",
                        row["_row"],
                        "subsets",
                    )
                )
        else:
            file_exists("datasets", row, "subsets")
        for column in ("predictions", "sequence_files", "validation_table"):
            file_exists("datasets", row, column)
        problems += _models_from_problems(study, row, shown["datasets"])
        if study.models_of(row["dataset"]) and not (row["train_library"] or row["train_table"]):
            needs("datasets", row, "train_library", "(or train_table) because models are trained on this dataset")
    for row in rows["contact_maps"]:
        if row["map"] in study.libraries:
            message = f"{row['map']!r} is also the name of a library; both have a quality page of that name"
            problems.append(Problem(shown["contact_maps"], message, row["_row"], "map"))
        if row["source"] != "simulated":
            for column in (row["source"], "genome"):
                needs("contact_maps", row, column, f"when source is {row['source']}")
        for column in ("cooler", "hic", "genome", "rename", "genes", "exclude"):
            file_exists("contact_maps", row, column)
        for column in ("pairs", "peaks", "signals"):
            for name in (row[column] or "").split(","):
                file_exists("contact_maps", {**row, column: name.strip() or None}, column)
        if row["validation_chromosomes"] and row["test_chromosomes"]:
            both = set(study.chromosomes(row["map"], "validation")) & set(study.chromosomes(row["map"], "test"))
            for name in sorted(both):
                problems.append(
                    Problem(
                        shown["contact_maps"],
                        f"{name} is also a validation chromosome",
                        row["_row"],
                        "test_chromosomes",
                    )
                )
    for row in rows["models"]:
        if row["model"] == "submitted":
            problems.append(
                Problem(shown["models"], "'submitted' stands for predictions made elsewhere", row["_row"], "model")
            )
        if row["model"] == "observed" and row["dataset"] in study.maps:
            problems.append(Problem(shown["models"], "'observed' stands for what was measured", row["_row"], "model"))
        known("models", row, "dataset", {**study.datasets, **study.maps, **study.assays}, "dataset, map or assay")
        file_exists("models", row, "recipe")
        seeds = listed(row["seeds"])
        for seed in dict.fromkeys(seed for seed in seeds if seeds.count(seed) > 1):
            problems.append(Problem(shown["models"], f"seed {seed} is given more than once", row["_row"], "seeds"))
    return problems + _name_problems(study, rows, shown)


def _name_problems(study: Study, rows: dict[str, list[dict[str, Any]]], shown: dict[str, str]) -> list[Problem]:
    """Maps and assays that are named as a dataset, or as each other: the models sheet could mean either."""
    taken = dict.fromkeys(study.datasets, "a dataset")
    problems = []
    for sheet, column, what in (("contact_maps", "map", "a contact map"), ("profiles", "assay", "an assay")):
        for row in rows[sheet]:
            if row[column] in taken:
                told = f"{row[column]!r} is also the name of {taken[row[column]]}; each needs a name of its own"
                problems.append(Problem(shown[sheet], told, row["_row"], column))
        taken |= dict.fromkeys((row[column] for row in rows[sheet]), what)
    return problems
