"""A plan in words: what a run starts from, filters, trains and takes, and what of it is there already.

Inputs: a checked study, its planned jobs, what jobs took in recorded runs. Outputs: text.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cisflow.planning.disk import Sizes, free_mb, public_sizes
from cisflow.planning.disk_words import disk_lines, named_rules, stage_disk
from cisflow.planning.jobs import PlannedJob
from cisflow.settings.study import Study

if TYPE_CHECKING:
    from cisflow.planning.sizes import FileSize, Key
    from cisflow.resources import Need

#: Characters of a line.
WIDTH = 110
#: Stages in the order of the run; files of rules.
STAGES = {
    "downloads": "public files",
    "simulate": "simulation",
    "read_check": "check of the reads",
    "reads": "reads",
    "clusters": "clusters",
    "expression": "expression",
    "quality": "quality of libraries",
    "datasets": "datasets",
    "models": "expression models",
    "contacts": "contact maps",
    "map_quality": "quality of maps",
    "contact_models": "contact models",
    "diagnosis": "diagnosis of contact models",
    "profiles": "accessibility profiles",
    "question_inputs": "simulated questions",
    "designs": "designs",
    "variants": "variants",
    "screens": "screens",
    "queries": "queries",
    "packed_models": "packed models",
    "evaluation": "scores and ranking",
    "cross_validation": "cross-validation",
    "report": "report",
}


def _size(paths: Sequence[str], folder: Path) -> str:
    """How many files, how large, how many of them missing."""
    there = [folder / path for path in dict.fromkeys(paths)]
    found = [path for path in there if path.exists()]
    text = f"{len(there):,} file{'s' * (len(there) != 1)}, {sum(p.stat().st_size for p in found) / 1e9:,.3g} GB"
    missing = len(there) - len(found)
    return f"{text}, {missing:,} not there yet" if missing else text


def _libraries(study: Study, folder: Path) -> list[str]:
    lines = []
    for name, row in study.libraries.items():
        of = {"simulated": "simulated reads", "counts": "a table of counts"}.get(row["source"], "")
        if row["source"] == "fastq":
            lanes = [lane for b in study.bin_names(name) for lane in study.reads[name, b]]
            mates = [study.path(lane[mate]) for lane in lanes for mate in ("read1", "read2") if lane[mate]]
            of = f"FASTQ ({_size(mates, folder)})"
        sample = f"; replicate of {row['sample']}" if row["sample"] else ""
        methods = " and ".join(study.methods(name))
        lines.append(
            f"library {name}: {row['kind']}, {len(study.bins[name])} bins, {of}; expression by {methods}{sample}"
        )
    return lines


def _datasets(study: Study) -> list[str]:
    lines = []
    for name, row in study.datasets.items():
        train = row["train_library"] or row["train_table"] or f"nothing (models of {row['models_from']})"
        if study.folds(name):
            text = f"trained on {train}, cross-validated over {len(study.folds(name))} folds"
        else:
            text = f"trained on {train}, tested on {row['test_library'] or row['test_table'] or 'a share of it'}"
        lines.append(f"dataset {name}: {text}")
    return lines


def _maps(study: Study, folder: Path) -> list[str]:
    lines = []
    for name, row in study.maps.items():
        files = [study.path(path) for path in study.contact_files(name)]
        of = f"{row['source']} ({_size(files, folder)})" if files else "simulated"
        sizes = ", ".join(f"{size:,}" for size in study.resolutions(name))
        held = f"tested on {row['test_chromosomes']}, validated on {row['validation_chromosomes']}"
        lines.append(f"contact map {name}: {of}, bins of {sizes} bp; {held}")
    return lines


def found(study: Study, folder: Path) -> list[str]:
    """What a run starts from, one line for each library, dataset, map, assay, set of questions and public file."""
    lines = _libraries(study, folder) + _datasets(study) + _maps(study, folder)
    lines += [f"assay {name}: {row['source']}" for name, row in study.assays.items()]
    lines += [f"design {name}: by models of {row['dataset']}" for name, row in study.designs.items()]
    lines += [f"variants {name}: by {', '.join(study.variant_models(name))}" for name in study.variants]
    lines += [
        f"screen {name}: {row['kind']}, by {', '.join(study.screen_models(name))}"
        for name, row in study.screens.items()
    ]
    lines += [f"query {name}: by {', '.join(study.query_models(name))}" for name in study.queries]
    public = study.public_files()
    if public:
        lines.append(f"public files: {_size([study.path(name) for name in public], folder)}")
    return lines


def filters(study: Study) -> list[str]:
    """What is left out on the way, in words."""
    config, lines = study.config, []
    if any(row["source"] != "counts" for row in study.libraries.values()):
        reads, flanks = config["reads"], "with" if config["reads"]["keep_flanks"] else "without"
        low, high = (reads["expected_overlap"] + sign * reads["overlap_tolerance"] for sign in (-1, 1))
        lines.append(
            f"pairs: mates overlap by {low} to {high} bases, more than {reads['min_identity']:.0%} of them identical"
            f" ({'first overlap accepted' if reads['merge_rule'] == 'published' else 'best overlap'})"
        )
        lines.append(
            f"reads: {reads['structure']}, up to {reads['flank_mismatches']} mismatches in each constant part,"
            f" no N; counted {flanks} flanks, {reads['orientation']} strand"
        )
        check = reads["check_reads"]
        lines.append(f"check: the first {check:,} reads of each file before anything else" if check else "check: none")
        kinds = {row["kind"] for row in study.libraries.values() if row["source"] != "counts"}
        if "random" in kinds:
            lines.append(f"random libraries: clustered by {config['cluster']['method']}")
        if "designed" in kinds:
            most = config["cluster"]["max_designed_mismatches"]
            lines.append(f"designed libraries: up to {most} edits from an ordered sequence")
    split = config["split"]
    if any(not study.folds(name) for name in study.datasets):
        how = {
            "near_identical": f"sequences within {split['max_distance']} edits stay on one side",
            "homology": f"sequences that align with a score of {split['homology_score']} or more stay on one side",
            "random": "related sequences may fall on both sides",
        }[split["method"]]
        lines.append(f"splits that are drawn: {split['validation']:.0%} for validation; {how}")
    return lines


def models(study: Study) -> list[str]:
    """What is trained, one line per model and dataset."""
    lines = []
    for row in study.models:
        kind = study.recipes[row["recipe"]].get("model")
        times = f"{len(row['seeds'])} seed{'s' * (len(row['seeds']) != 1)}"
        folds = study.folds(row["dataset"]) if row["dataset"] in study.datasets else []
        times += f" in each training of {len(folds)} test folds" if folds else ""
        lines.append(f"{row['model']} on {row['dataset']}: {kind}, {times} ({row['recipe']})")
    return lines


@dataclass(frozen=True)
class Forecast:
    """What due jobs are expected to take.

    Attributes
    ----------
    cpu_hours : float
        Of the jobs whose rule is on record.
    longest_hours : float
        Of the chain of jobs that takes longest, each alone.
    unknown : Counter
        Jobs by rule that is on no record.
    guessed : int
        Jobs whose input is not there yet: taken as large as in the recorded runs.
    larger : int
        Jobs whose input is larger than any on record.
    memory_mb : float
        Largest request of one job, as far as it is known.
    """

    cpu_hours: float
    longest_hours: float
    unknown: Counter[str]
    guessed: int
    larger: int
    memory_mb: float


def forecast(jobs: Sequence[PlannedJob], needs: Mapping[str, Need]) -> Forecast:
    """Add up what due jobs take.

    Parameters
    ----------
    jobs : sequence of PlannedJob
    needs : mapping of Need by rule
        Time and memory as functions of the size of the input, of recorded runs; their largest input stands for input
        that is not there yet.
    """
    due = {job.outputs: job for job in jobs if job.due}
    seconds, unknown, guessed, larger = {}, Counter(), 0, 0
    for key, job in due.items():
        need = needs.get(job.rule)
        if need is None:
            unknown[job.rule] += 1
        guessed += need is not None and job.input_mb is None
        seconds[key] = 0.0
        if need is not None:
            seconds[key] = need.seconds(need.largest_input_mb if job.input_mb is None else job.input_mb)
            larger += (job.input_mb or 0) > need.largest_input_mb
    ends: dict[tuple[str, ...], float] = {}
    waiting = list(due)
    while waiting:  # ends of all jobs before one, then its own
        key = waiting[-1]
        before = [other for other in due[key].after if other in due]
        if missing := [other for other in before if other not in ends]:
            waiting += missing
            continue
        ends[key] = seconds[key] + max((ends[other] for other in before), default=0.0)
        waiting.pop()
    memory = max((job.memory_mb or 0 for job in due.values()), default=0)
    return Forecast(
        sum(seconds.values()) / 3600, max(ends.values(), default=0) / 3600, unknown, guessed, larger, memory
    )


def _hours(hours: float) -> str:
    if hours < 2 / 60:
        return f"{3600 * hours:,.0f} s"
    return f"{60 * hours:,.0f} min" if hours < 2 else f"{hours:,.1f} h"


def _table(jobs: Sequence[PlannedJob], needs: Mapping[str, Need], sizes: Sizes) -> list[str]:
    lines = [f"  {'stage':30}{'to do':>8}{'there':>8}{'CPU time':>11}{'memory of a job':>18}{'disk':>15}"]
    for stage in [*STAGES, *sorted({job.stage for job in jobs} - set(STAGES))]:
        own = [job for job in jobs if job.stage == stage]
        if not own:
            continue
        told = forecast(own, needs)
        n_due = sum(job.due for job in own)
        time = _hours(told.cpu_hours) if n_due and n_due > told.unknown.total() else "-"
        memory = f"{told.memory_mb / 1000:,.1f} GB" if n_due else "-"
        disk = stage_disk(sizes.disk(own), n_due)
        counts = f"{n_due:>8,}{len(own) - n_due:>8,}"
        lines.append(f"  {STAGES.get(stage, stage):30}{counts}{time:>11}{memory:>18}{disk:>15}")
    return lines


def _indented(title: str, lines: Sequence[str]) -> list[str]:
    wrapped = (part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent="    "))
    return ["", title, *(f"  {part}" for part in wrapped)] if lines else []


def plan_text(
    study: Study,
    jobs: Sequence[PlannedJob],
    needs: Mapping[str, Need],
    on_record: Mapping[Key, FileSize],
    folder: str | Path = ".",
    cores: int = 1,
) -> str:
    """Text of a plan.

    Parameters
    ----------
    study : Study
    jobs, needs
        See :func:`forecast`.
    on_record : mapping
        Sizes of files, see :func:`cisflow.planning.sizes.read_sizes`.
    folder : path
        Working folder.
    cores : int
        Cores that jobs may use together.
    """
    folder = Path(folder)
    root = folder / "results" / study.config["run"]
    told = forecast(jobs, needs)
    due = sum(job.due for job in jobs)
    lines = [f"Plan of run {study.config['run']}: {due:,} of {len(jobs):,} jobs to do, {len(jobs) - due:,} done before"]
    lines += _indented("Input", found(study, folder))
    lines += _indented("Filters", filters(study))
    lines += _indented("Models", models(study))
    sizes = Sizes(jobs, on_record, folder, public_sizes(study))
    lines += ["", "Jobs", *_table(jobs, needs, sizes)]
    end = []
    if due:
        wall = max(told.cpu_hours / cores, told.longest_hours)
        end.append(
            f"{_hours(told.cpu_hours)} of processor time, on {cores} core{'s' * (cores != 1)} some {_hours(wall)} or"
            f" more, {_hours(told.longest_hours)} with any number; from recorded runs (workflow/resources.tsv)"
        )
        if told.guessed:
            end.append(f"of {told.guessed:,} jobs the input is not there yet: taken as large as in the recorded runs")
        if told.larger:
            end.append(
                f"the input of {told.larger:,} jobs is larger than any on record: their times are carried forward"
            )
        if told.unknown:
            end.append(f"not counted, because on no record, {told.unknown.total():,} jobs: {named_rules(told.unknown)}")
        end.append(f"memory that one job asks for: up to {told.memory_mb / 1000:,.1f} GB")
        gpus = sum(job.gpus > 0 for job in jobs if job.due)
        end += [f"{gpus:,} jobs ask for a GPU"] if gpus else []
        end += disk_lines(sizes.disk(jobs, cores), free_mb(root), root)
    if root.is_dir():
        files = [path for path in root.rglob("*") if path.is_file()]
        end.append(f"{root}: {len(files):,} files, {sum(path.stat().st_size for path in files) / 1e9:,.3g} GB there")
    return "\n".join(lines + _indented("Together", end)) + "\n"
