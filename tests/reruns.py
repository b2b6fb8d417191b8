"""What would rerun: Snakemake's own DAG and its record of parameters and inputs, built many times in one process.

A dry run in a process of its own takes seconds, most of them for imports and for parsing the rules. Here both happen
once: parsed files are kept, and only what depends on the config is done again (half a second).
"""

from __future__ import annotations

import copy
import importlib
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from conftest import CHECKOUT

STUDY = CHECKOUT / "tests" / "workflow" / "reruns" / "study.yaml"


@dataclass(frozen=True)
class Job:
    """What Snakemake records of a job and compares in a later run; which of its outputs are folders."""

    rule: str
    folders: frozenset[str]
    params: tuple[str, ...]
    inputs: tuple[str, ...]
    before: frozenset[tuple[str, ...]]


#: Jobs by their output files (or rule, without).
Jobs = dict[tuple[str, ...], Job]


@contextmanager
def parsed_once() -> Iterator[None]:
    """Let Snakemake parse and compile every rule file once."""
    importlib.import_module("snakemake.api")  # first: the module below imports it in a circle
    module = importlib.import_module("snakemake.workflow")

    parse, kept = module.parse, {}

    def parse_once(path, workflow, linemap, rulecount=0, **further):
        key = path.get_path_or_uri(secret_free=True)
        if key not in kept:
            code, last = parse(path, workflow, linemap=linemap, rulecount=rulecount, **further)
            kept[key] = compile(code, key, "exec"), last - rulecount, dict(linemap)
        code, n_rules, lines = kept[key]
        linemap.update(lines)
        return code, rulecount + n_rules

    module.parse, module.compile = parse_once, lambda code, *_: code
    try:
        yield
    finally:
        module.parse = parse
        del module.compile


def merged(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """Copy of a config with the keys of an overlay, as Snakemake merges them."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def nested(name: str, value: Any) -> dict[str, Any]:
    """Overlay that sets one dotted key."""
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def planned(folder: Path, overlay: dict[str, Any]) -> Jobs:
    """All jobs of the study with an overlay, whether they are due or not; ``folder`` is the working folder."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        DeploymentSettings,
        ExecutionSettings,
        GroupSettings,
        OutputSettings,
        Quietness,
        RemoteExecutionSettings,
        ResourceSettings,
        SchedulingSettings,
        StorageSettings,
        WorkflowSettings,
    )

    here, path = Path.cwd(), list(sys.path)
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            opened = api.workflow(
                ResourceSettings(cores=2),
                ConfigSettings(configfiles=[STUDY], config=overlay),
                StorageSettings(),
                WorkflowSettings(),
                DeploymentSettings(),
                snakefile=CHECKOUT / "Snakefile",
                workdir=folder,
            )
            opened.dag(DAGSettings())
            workflow = opened._workflow
            workflow.scheduling_settings, workflow.execution_settings = SchedulingSettings(), ExecutionSettings()
            workflow.remote_execution_settings, workflow.group_settings = RemoteExecutionSettings(), GroupSettings()
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True)
            workflow._build_dag()
            found = _jobs(workflow)
            for name in ("_params", "_input"):  # they would keep every workflow in memory
                getattr(type(workflow.persistence), name).cache_clear()
            return found
    finally:
        os.chdir(here)
        sys.path[:] = path


def _jobs(workflow: Any) -> Jobs:
    from snakemake.io import is_flagged

    kept = workflow.persistence

    def key(job: Any) -> tuple[str, ...]:
        return tuple(map(str, job.output)) or (job.rule.name,)

    return {
        key(job): Job(
            job.rule.name,
            frozenset(str(path) for path in job.output if is_flagged(path, "directory")),
            tuple(kept._params(job)),
            tuple(kept._input(job)),
            frozenset(map(key, workflow.dag.job_dependencies(job))),
        )
        for job in workflow.dag.jobs
    }


def first_to_rerun(before: Jobs, after: Jobs) -> set[tuple[str, ...]]:
    """Jobs that a change reruns itself: new ones, and those whose parameters or set of inputs differ."""
    return {
        key
        for key, job in after.items()
        if job.rule != "all"
        and (
            key not in before
            or (before[key].rule, set(before[key].params), before[key].inputs)
            != (job.rule, set(job.params), job.inputs)
        )
    }


def all_to_rerun(jobs: Jobs, first: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Those jobs and all that build on them."""
    found, grown = set(first), True
    while grown:
        more = {key for key, job in jobs.items() if key not in found and not found.isdisjoint(job.before)}
        found, grown = found | more, bool(more)
    return found


def rules_of(jobs: Jobs, keys: set[tuple[str, ...]]) -> set[str]:
    """Rules of jobs; without the target and what reruns for every change."""
    return {jobs[key].rule for key in keys} - {"all", "record_settings"}


def changed_sheet(sheet: str, row: str, change: dict[str, Any], target: Path) -> dict[str, Any]:
    """Write a sheet of the study with other cells in the (first) row of a name; returns the overlay that uses it."""
    path = CHECKOUT / yaml.safe_load(STUDY.read_text())["sheets"][sheet]
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    index = table.index[table.iloc[:, 0] == row][0]
    for column, value in change.items():
        if column not in table:
            table[column] = ""
        table.loc[index, column] = str(value)
    table.to_csv(target, sep="\t", index=False)
    return nested(f"sheets.{sheet}", str(target))


def changed_recipe(model: str, key: str, value: Any, folder: Path) -> dict[str, Any]:
    """Write the recipe of a model with another value, and a sheet that names it; returns the overlay that uses it."""
    models = pd.read_csv(STUDY.with_name("models.tsv"), sep="\t", dtype=str)
    recipe = yaml.safe_load((CHECKOUT / models.loc[models["model"] == model, "recipe"].iloc[0]).read_text())
    (folder / "recipe.yaml").write_text(yaml.safe_dump(merged(recipe, nested(key, value)), sort_keys=False))
    return changed_sheet("models", model, {"recipe": str(folder / "recipe.yaml")}, folder / "models.tsv")


def finished(jobs: Jobs, folder: Path) -> None:
    """Make empty outputs of all jobs, for ``snakemake --touch`` to record."""
    for key, job in jobs.items():
        for name in key if job.rule != "all" else ():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name in job.folders else path.touch()


def write_inputs(folder: Path) -> None:
    """Files that the sheets of the study name, as far as a plan looks into them."""
    import cooler

    given = folder / "given"
    given.mkdir(parents=True)
    counts = pd.DataFrame({"seq": ["ACGT" * 8, "TTGA" * 8], "c0": [3, 1], "c1": [2, 2], "c2": [1, 4]})
    for name in ("one", "two", "three"):
        counts.to_csv(given / f"{name}.tsv", sep="\t", index=False)
    rows = pd.DataFrame({"id": list("abcd"), "seq": ["ACGT" * 8] * 4, "value": 1.0, "other": 2.0, "fold": [1, 2, 3, 1]})
    rows.assign(value2=1.0, id2=list("abcd"), seq2=rows["seq"], fold2=rows["fold"]).to_csv(
        given / "rows.tsv", sep="\t", index=False
    )
    pd.DataFrame({"pos": [0, 1], "sequence": ["ACGT" * 20] * 2, "expression": [1.0, 2.0]}).to_csv(
        given / "test.tsv", sep="\t", index=False
    )
    pd.DataFrame({"pos": [0, 1], "team": [1.0, 2.0]}).to_csv(given / "submitted.tsv", sep="\t", index=False)
    (given / "ordered.tsv").write_text("a\tACGT\n")
    for library, bin_, mate in itertools.product(("sequenced", "given"), range(3), (1, 2)):
        (given / f"{library}{bin_}_R{mate}.fq").write_text("@r\nACGT\n+\nIIII\n")
    names, length, size = ["chr1", "chr2", "chr3"], 300_000, 1000
    (given / "genome.fa").write_text("".join(f">{name}\n{'ACGT' * (length // 4)}\n" for name in names))
    (given / "rename.tsv").write_text(
        "cooler_name\tgenome_name\n" + "".join(f"{i + 1}\t{n}\n" for i, n in enumerate(names))
    )
    for name in ("exclude.bed", "peaks.bed", "genes.bed"):
        (given / name).write_text("chr1\t100\t200\tx\t0\t+\n")
    (given / "signal.bw").write_text("")
    (given / "promoters.fa").write_text(">p\n" + "ACGT" * 20 + "\n")
    (given / "calls.vcf").write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    (given / "motifs.meme").write_text((CHECKOUT / "config" / "demo" / "motifs.meme").read_text())
    bias = (CHECKOUT / "tests" / "workflow" / "profiles" / "bias.yaml").read_text()
    (given / "bias.yaml").write_text(bias.replace("epochs: 3", "epochs: 4"))
    bins = cooler.binnify(pd.Series(length, index=["1", "2", "3"]), size)
    bins["KR"] = 1.0
    ids = np.arange(len(bins))
    pixels = pd.DataFrame({"bin1_id": ids, "bin2_id": ids, "count": 5})
    cooler.create_cooler(str(given / "map.cool"), bins, pixels)
    # every other name that a changed sheet gives: another file with the same content
    for path in list(given.iterdir()):
        (given / f"other_{path.name}").write_bytes(path.read_bytes())
