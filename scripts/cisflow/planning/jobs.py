"""Jobs of a run before it starts, from Snakemake's own plan.

Inputs: the files and keys of a config, a working folder. Outputs: every job with what it asks for, whether it is due,
and the size of its input where that is there. The one room of the library that imports Snakemake.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cisflow.planning.sizes import is_by_settings, settings_digest
from cisflow.problems import InputError, Problem

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True)
class PlannedJob:
    """A job of a run.

    Attributes
    ----------
    rule : str
    outputs : tuple of str
        Files that it writes, relative to the working folder.
    stage : str
        File of its rule, e.g. ``reads`` for ``workflow/rules/reads.smk``.
    due : bool
        Whether it runs: its output is missing, or older than what it is made of, or made with other settings.
    threads : int
    memory_mb, minutes : float or None
        What a scheduler is asked for; None where that depends on input that is not there yet.
    gpus : int
    input_mb : float or None
        Size of its input files (10^6 bytes); None while one of them is missing.
    after : frozenset of tuple
        Outputs of the jobs that must end before.
    inputs : tuple of str
        Files that it reads, relative to the working folder.
    patterns : tuple of str
        Names of ``outputs`` before the wildcards were filled in.
    temporary : frozenset of str
        Outputs that are removed once no job needs them.
    decided : str
        Digest of the settings that decide how much it writes, see :func:`cisflow.planning.sizes.settings_digest`.
    """

    rule: str
    outputs: tuple[str, ...]
    stage: str
    due: bool
    threads: int
    memory_mb: float | None
    minutes: float | None
    gpus: int
    input_mb: float | None
    after: frozenset[tuple[str, ...]]
    inputs: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    temporary: frozenset[str] = frozenset()
    decided: str = ""


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):  # not known before the input is there
        return None


def _input_mb(paths: Sequence[str]) -> float | None:
    try:
        return sum(os.stat(path).st_size for path in paths) / 1e6
    except FileNotFoundError:
        return None


def _settings(job: Any, simulation: Any) -> str:
    rule = job.rule.name
    if not is_by_settings(rule):  # parameters of the others are not asked for: there may be tens of thousands of jobs
        return ""
    settings = dict(job.params.get("settings") or {})
    # How many reads there are is a setting of the job before the one that writes them.
    return settings_digest(rule, settings | ({"all": simulation} if rule.startswith("simulate_") else {}))


def _jobs(workflow: Any) -> list[PlannedJob]:
    from snakemake.io import strip_wildcard_constraints

    dag = workflow.dag

    def key(job: Any) -> tuple[str, ...]:
        return tuple(map(str, job.output)) or (job.rule.name,)

    due = set(map(key, dag.needrun_jobs()))
    found = []
    for job in dag.jobs:
        if job.rule.norun:  # the target itself
            continue
        asked = job.resources
        found.append(
            PlannedJob(
                job.rule.name,
                key(job),
                Path(str(job.rule.snakefile)).stem,
                key(job) in due,
                int(_number(asked.get("_cores")) or 1),
                _number(asked.get("mem_mb")),
                _number(asked.get("runtime")),
                int(_number(asked.get("gpu")) or 0),
                _input_mb([str(path) for path in job.input]),
                frozenset(map(key, dag.job_dependencies(job))),
                tuple(map(str, job.input)),
                tuple(strip_wildcard_constraints(str(pattern)) for pattern in job.rule.output),
                frozenset(map(str, job.temp_output)),
                _settings(job, workflow.config.get("simulation")),
            )
        )
    return found


@contextmanager
def _back_again() -> Any:
    """Snakemake changes the working folder and the search path."""
    here, path = Path.cwd(), list(sys.path)
    try:
        yield
    finally:
        os.chdir(here)
        sys.path[:] = path


def plan_jobs(
    configfiles: Sequence[str | Path], overlay: Mapping[str, Any], folder: str | Path = ".", cores: int = 1
) -> tuple[Any, list[PlannedJob]]:
    """Plan a run: nothing is executed, locked or written but Snakemake's own notes.

    Parameters
    ----------
    configfiles : sequence of path
        Overlays of the default config, later ones win.
    overlay : mapping
        Keys that win over those.
    folder : path
        Working folder of the run.
    cores : int
        Cores that jobs may use together.

    Returns
    -------
    Study
        The checked study, see :class:`cisflow.settings.study.Study`.
    list of PlannedJob

    Raises
    ------
    InputError
        What is wrong with config, sheets or files, as the run itself would say it.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings import types

    overlays = [Path(path).resolve() for path in configfiles]
    with _back_again(), SnakemakeApi(types.OutputSettings(quiet={types.Quietness.ALL})) as api:
        try:
            opened = api.workflow(
                types.ResourceSettings(cores=cores),
                types.ConfigSettings(configfiles=overlays, config=dict(overlay)),
                types.StorageSettings(),
                types.WorkflowSettings(),
                types.DeploymentSettings(),
                snakefile=CHECKOUT / "Snakefile",
                workdir=Path(folder).resolve(),
            )
            opened.dag(types.DAGSettings(force_incomplete=True))
            workflow = opened._workflow
            workflow.execution_settings, workflow.scheduling_settings = (
                types.ExecutionSettings(),
                types.SchedulingSettings(),
            )
            workflow.remote_execution_settings = types.RemoteExecutionSettings()
            workflow.group_settings = types.GroupSettings()
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True)
            workflow._build_dag()
            return workflow.globals["study"], _jobs(workflow)
        except WorkflowError as error:
            raise InputError(Problem("plan", str(error))) from None
