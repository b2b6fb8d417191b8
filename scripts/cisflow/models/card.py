"""What a trained model is: found, described, and packed for others.

Inputs: bundles, and the scores that the workflow has written beside them. Outputs: rows of a list, a model card
(Markdown), a folder or archive that holds the bundle with its card. Nothing in a bundle is executable, and nothing is
executed to read one.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cisflow.code_digest import PACKAGE, code_hash
from cisflow.files import atomic_path, read_table, sha256
from cisflow.problems import InputError, Problem
from cisflow.provenance import versions
from cisflow.training.bundle import HISTORY, MANIFEST, RECIPE, WEIGHTS, Bundle, read_bundle

FILES = (WEIGHTS, RECIPE, HISTORY, MANIFEST)
CARD, SCORES = "README.md", "scores.tsv"
#: Tables of the evaluation that hold a model's scores, with the columns that are shown.
_EVALUATIONS = {
    "scores.tsv": ("head", "subset", "metric", "value", "low", "high"),
    "contact_summary.tsv": ("kind", "level", "metric", "value", "low", "high"),
}
_LOADERS = {
    "expression": 'from cisflow.models.predict import load_bundle\n\nmodel = load_bundle("{folder}")\n'
    'model.predict(["ACGT..."])  # float64 array, one value per sequence',
    "contacts": "from cisflow.models.contact_predict import load_contact_model\n\n"
    'model = load_contact_model("{folder}")\nmodel.predict(codes)  # natural log of observed over expected contacts',
    "profiles": "from cisflow.models.profiles.predict import load_profile_model\n\n"
    'model = load_profile_model("{folder}")\nmodel.predict(codes)  # shares of the positions, ln(1 + count)',
}
_SCRIPTS = {
    "expression": "train_expression_model.py",
    "contacts": "train_contact_model.py",
    "profiles": "train_profile_model.py",
}
#: Columns of the score table of an assay that are shown, for the fold of the model.
_PROFILE_SCORES = ["fold", "metric", "value", "low", "high"]


def find_bundles(roots: list[str | Path]) -> Iterator[Path]:
    """Folders below some folders (or themselves) that hold all files of a bundle, in alphabetical order."""
    for root in roots:
        for manifest in sorted(Path(root).rglob(MANIFEST)):
            if all((manifest.parent / name).is_file() for name in FILES):
                yield manifest.parent


def differences(bundle: Bundle) -> list[str]:
    """What made the model other than what would run it here, in words; empty when nothing differs."""
    made = bundle.manifest.get("versions", {})
    here = versions(*(name for name in made if name not in ("cisflow", "python")))
    found = [f"{name} {made[name]} (here {here[name]})" for name in made if made[name] != here[name]]
    script = PACKAGE.parent / _SCRIPTS.get(bundle.recipe.get("task", ""), "")
    if "code" in bundle.manifest and script.is_file() and bundle.manifest["code"] != code_hash(script):
        found.append(f"training code {bundle.manifest['code']} (here {code_hash(script)})")
    return found


def _trained_on(bundle: Bundle) -> dict[str, Any]:
    settings = bundle.manifest.get("settings", {})
    return {
        "model": settings.get("model", bundle.folder.name),
        "data": settings.get("dataset", settings.get("map", settings.get("assay", ""))),
        "replicate": settings.get("replicate", ""),
    }


def list_bundles(roots: list[str | Path]) -> pd.DataFrame:
    """One row per bundle below some folders.

    Returns
    -------
    DataFrame
        ``folder, task, model, data`` (dataset or map), ``replicate, parameters, steps`` (of the kept network),
        ``selection`` (its validation metric), ``same_code`` (whether what made it is what is here).
    """
    rows = []
    for folder in find_bundles(roots):
        bundle = read_bundle(folder)
        training = bundle.manifest.get("training", {})
        rows.append(
            {
                "folder": str(folder),
                "task": bundle.recipe.get("task", ""),
                **_trained_on(bundle),
                "parameters": training.get("parameters"),
                "steps": training.get("best_step", training.get("steps")),
                "selection": training.get("best_selection"),
                "same_code": "no" if differences(bundle) else "yes",
            }
        )
    columns = ["folder", "task", "model", "data", "replicate", "parameters", "steps", "selection", "same_code"]
    return pd.DataFrame(rows, columns=columns)


def scores_of(bundle: Bundle) -> pd.DataFrame:
    """Scores of the model on its test data: those packed with it, or those in the results tree that it lies in.

    Returns
    -------
    DataFrame
        Rows of the evaluation's table for this model; empty when there are none.
    """
    packed = bundle.folder / SCORES
    if packed.is_file():
        return read_table(packed)
    # results/<run>/models/<data>/<model>/seed<k>
    parents = bundle.folder.resolve().parents
    name = _trained_on(bundle)
    if len(parents) > 3 and parents[2].name == "models":
        for table, columns in _EVALUATIONS.items():
            path = parents[3] / "evaluation" / name["data"] / table
            if path.is_file():
                rows = read_table(path)
                return rows.loc[rows["model"] == name["model"], [c for c in columns if c in rows]]
    # results/<run>/profiles/<assay>/fold<fold>/<model>/seed<k>
    fold = bundle.manifest.get("settings", {}).get("fold", {}).get("name")
    path = parents[2] / SCORES if len(parents) > 3 and parents[3].name == "profiles" else None
    if fold is not None and path is not None and path.is_file():
        rows = read_table(path, dtype={"model": str, "fold": str})
        return rows.loc[(rows["model"] == name["model"]) & (rows["fold"] == fold), _PROFILE_SCORES]
    return pd.DataFrame()


def _table(rows: pd.DataFrame) -> str:
    """Markdown table; numbers with four significant digits."""
    cells = rows.map(lambda v: "" if pd.isna(v) else f"{v:.4g}" if isinstance(v, float) else str(v))
    lines = [cells.columns, ["---"] * cells.shape[1], *cells.to_numpy()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def model_card(folder: str | Path) -> str:
    """Describe a model: what it is, what it was made from, how good it is, how to use it.

    Parameters
    ----------
    folder : path
        A bundle.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    InputError
        When the folder is no bundle.
    """
    bundle = read_bundle(folder)
    about, training = _trained_on(bundle), bundle.manifest.get("training", {})
    task = bundle.recipe.get("task", "unknown")
    facts = {
        "task": task,
        "trained on": about["data"],
        "replicate": about["replicate"],
        "parameters": f"{training['parameters']:,}" if "parameters" in training else "",
        "steps of the kept network": training.get("best_step", training.get("steps", "")),
        "validation metric of the kept network": training.get("best_selection", ""),
        "device": bundle.manifest.get("device", ""),
        "SHA-256 of the weights": sha256(bundle.folder / WEIGHTS),
    }
    parts = [f"# {about['model']}", "\n".join(f"- {key}: {value}" for key, value in facts.items() if value != "")]
    other = differences(bundle)
    made_here = "Nothing differs between what made this model and what is installed here."
    parts += ["## Made with", "Differs from here: " + "; ".join(other) + "." if other else made_here]
    inputs = [f"- {name}: SHA-256 {digest}" for name, digest in bundle.manifest.get("inputs", {}).items()]
    parts += ["## Made from", "\n".join(inputs) or "No input files are recorded."]
    scores = scores_of(bundle)
    parts += ["## Scores on test data", _table(scores) if len(scores) else "None are recorded beside the model."]
    if task in _LOADERS:
        parts += ["## Use", f"```python\n{_LOADERS[task].format(folder=folder)}\n```"]
    recipe = yaml.safe_dump(bundle.recipe, sort_keys=False).rstrip()
    parts += ["## Recipe", f"Input, network, targets and training:\n\n```yaml\n{recipe}\n```"]
    return "\n\n".join(parts) + "\n"


def _content(folder: Path, name: str) -> dict[str, bytes]:
    """Files of an export by their name."""
    bundle = read_bundle(folder)
    files = {file: (folder / file).read_bytes() for file in FILES}
    scores = scores_of(bundle)
    if len(scores):
        files[SCORES] = scores.to_csv(sep="\t", index=False).encode()
    files[CARD] = model_card(folder).replace(f'"{folder}"', f'"{name}"').encode()
    return files


def export_bundle(folder: str | Path, output: str | Path) -> list[str]:
    """Write a bundle with its card and scores to a new folder or archive.

    Parameters
    ----------
    folder : path
        A bundle.
    output : path
        ``.tar.gz``, or a folder that is not there yet. Equal bundles give equal archives.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    InputError
        When ``folder`` is no bundle, or ``output`` is there already.
    """
    folder, output = Path(folder), Path(output)
    if output.exists():
        raise InputError(Problem(str(output), "is there already; expected a new folder or archive"))
    packed = output.name.endswith(".tar.gz")
    name = output.name.removesuffix(".tar.gz")
    files = _content(folder, name)
    if packed:
        with (
            atomic_path(output) as temporary,
            open(temporary, "wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w") as tar,
        ):
            for file, data in files.items():
                member = tarfile.TarInfo(f"{name}/{file}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return list(files)
    partial = output.with_name(f".partial.{output.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file, data in files.items():
        (partial / file).write_bytes(data)
    partial.rename(output)
    return list(files)
