"""Every setting in turn: what reruns is what docs/reruns.yaml says.

The jobs that rerun are found by building Snakemake's DAG twice in this process and comparing what it would record
(:mod:`reruns`); real dry runs of a sample (``slow``: of all) show that it does the same.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from reruns import (
    STUDY,
    all_to_rerun,
    changed_recipe,
    changed_sheet,
    finished,
    first_to_rerun,
    merged,
    nested,
    parsed_once,
    planned,
    rules_of,
    write_inputs,
)

from cisflow.settings.schema import read_schema
from conftest import CHECKOUT
from running import planned_rules, snakemake

pytestmark = pytest.mark.dag

TABLE = yaml.safe_load((CHECKOUT / "docs" / "reruns.yaml").read_text())
#: Every so many columns of sheets and leaves of recipes are changed in the quick tests, all of them in the slow ones.
STRIDE = 4
#: Leaves whose reruns are compared with a real dry run in the quick tests.
REAL = ("ranking.draws", "training.save_every_seconds", "libraries.methods")
#: Rules of inputs that the study has not: two maps of the same resolution to compare, a grid of models, levels.
NOT_IN_STUDY = {
    "compare_contact_maps",
    "plot_contact_differences",
    "plot_contact_ladder",
    "plot_prix_fixe",
    "unpack_member",
}


@dataclass(frozen=True)
class Case:
    """A changed leaf: in which part of the table, what it is called, and its entry."""

    part: str
    name: str
    entry: dict[str, Any]

    def overlay(self, folder: Path) -> dict[str, Any]:
        """Keys of the config that differ; changed sheets and recipes are written into ``folder``."""
        if self.part == "config":
            return merged(self.entry.get("with", {}), nested(self.name, self.entry["to"]))
        folder.mkdir(exist_ok=True)
        first, rest = self.name.split(".", 1)
        if self.part == "recipes":
            return changed_recipe(first, rest, self.entry["to"], folder)
        return changed_sheet(first, self.entry["row"], self.entry["change"], folder / f"{first}.tsv")


def cases() -> list[Case]:
    found = []
    for part in ("config", "sheets", "recipes"):
        for name, entry in TABLE[part].items():
            found += [
                Case(part, name, one) for one in (entry if isinstance(entry, list) else [entry]) if "reruns" in one
            ]
    return found


def marked() -> list[Any]:
    """Cases as parameters, those beyond the quick tests marked slow."""
    others = 0
    parameters = []
    for case in cases():
        others += case.part != "config"
        slow = case.part != "config" and others % STRIDE
        parameters.append(pytest.param(case, id=case.name, marks=pytest.mark.slow if slow else ()))
    return parameters


@pytest.fixture(scope="module")
def working_folder(tmp_path_factory):
    """Folder with the files that the study names; rule files are parsed once while it is in use."""
    folder = tmp_path_factory.mktemp("reruns")
    write_inputs(folder)
    (folder / "data").mkdir()
    for sheet in STUDY.parent.glob("*.tsv"):
        (folder / "given" / sheet.name).write_bytes(sheet.read_bytes())
    with parsed_once():
        yield folder


@pytest.fixture(scope="module")
def before(working_folder):
    """Jobs of the study with an overlay, each built once."""
    known = {}

    def jobs(overlay=None):
        key = json.dumps(overlay or {})
        if key not in known:
            known[key] = planned(working_folder, overlay or {})
        return known[key]

    return jobs


def test_a_network_is_not_trained_anew_for_the_windows_that_it_is_tested_on(working_folder, before):
    case = next(case for case in cases() if case.name == "orca.evaluation.max_missing_in_bin")
    given, after = before(), planned(working_folder, case.overlay(working_folder / "changed"))
    again = [key[0] for key in first_to_rerun(given, after) if after[key].rule == "train_contact_model"]
    assert again
    assert all("/distance_only/" in path for path in again)


@pytest.mark.parametrize("case", marked())
def test_a_changed_setting_reruns_what_the_table_says(case, working_folder, before):
    given = before(case.entry.get("with"))
    after = planned(working_folder, case.overlay(working_folder / "changed"))
    found = rules_of(after, first_to_rerun(given, after))
    declared = case.entry["reruns"]
    if declared == "everything":
        declared = rules_of(after, {key for key in after if key[0].startswith("results/")})
    assert found == set(declared)
    assert bool(found) or "why" in case.entry, "a setting that reruns nothing says why"


def leaves(schema: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the keys of a schema that are not themselves sections."""
    found = []
    for name, part in schema["properties"].items():
        found += leaves(part, f"{prefix}{name}.") if "properties" in part else [f"{prefix}{name}"]
    return found


def test_the_table_has_every_leaf():
    schemas = CHECKOUT / "workflow" / "schemas"
    assert set(TABLE["config"]) == set(leaves(read_schema(schemas / "config.schema.yaml")))
    sheets = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())["sheets"]
    columns = {
        f"{sheet}.{name}" for sheet in sheets for name in read_schema(schemas / f"{sheet}.schema.yaml")["properties"]
    }
    assert set(TABLE["sheets"]) == columns
    for name, entry in {**TABLE["config"], **TABLE["sheets"], **TABLE["recipes"]}.items():
        for one in entry if isinstance(entry, list) else [entry]:
            assert one.get("reruns") or one.get("why"), f"{name}: nothing reruns, and no reason"


def test_the_page_is_made_of_the_table():
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import reruns, yaml; print(reruns.reruns_page(yaml.safe_load(open('reruns.yaml'))), end='')",
        ],
        cwd=CHECKOUT / "docs",
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (CHECKOUT / "docs" / "reruns.md").read_text(), "make docs"


def test_the_table_is_about_every_rule(working_folder, before):
    text = "\n".join(path.read_text() for path in (CHECKOUT / "workflow" / "rules").glob("*.smk"))
    rules = set(re.findall(r"^ *rule (\w+):", text, flags=re.MULTILINE)) | set(re.findall(r" as (\w+) with:", text))
    rules |= {f"simulate_reads_{library}" for library in ("random", "designed")}  # one rule per simulated library
    named = {rule for case in cases() for rule in case.entry["reruns"] if case.entry["reruns"] != "everything"}
    assert named <= rules
    covered = {job.rule for job in before().values()} | named
    assert rules - covered == NOT_IN_STUDY


def dry_run(folder: Path, overlay: dict[str, Any], name: str) -> set[str]:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(overlay))
    code, text = snakemake(folder, "-n", "--configfile", str(STUDY), str(folder / f"{name}.yaml"))
    assert code == 0, text[-3000:]
    return planned_rules(text) - {"record_settings"}


@pytest.fixture(scope="module")
def finished_run(working_folder, before):
    """The study as if it had run: empty outputs that Snakemake has recorded."""
    finished(before(), working_folder)
    code, text = snakemake(working_folder, "--touch", "--forceall", "--cores", "1", "--configfile", str(STUDY))
    assert code == 0, text[-3000:]
    return working_folder


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, id=c.name, marks=() if c.name in REAL else pytest.mark.slow)
        for c in cases()
        if "with" not in c.entry
    ],
)
def test_a_real_dry_run_agrees(case, finished_run, before):
    overlay = case.overlay(finished_run / "changed")
    after = planned(finished_run, overlay)
    first = first_to_rerun(before(), after)
    settings = next(key for key, job in after.items() if job.rule == "record_settings")
    expected = rules_of(after, all_to_rerun(after, first | {settings}))
    assert dry_run(finished_run, overlay, "real") == expected
