"""Disk that a run will take: files that are kept, and temporary ones beside them.

Inputs: planned jobs, sizes of files on record. Outputs: sizes of the files that due jobs will write, their sums, and
whether the disk has room for them.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cisflow.planning.jobs import PlannedJob
from cisflow.planning.sizes import TRAININGS, FileSize, Key, counted_inputs, keys, size_on_disk
from cisflow.settings.study import Study

#: Saved state of a training as a multiple of its bundle: network, average and best network, two moments of each weight,
#: and as much again while the next state is written beside it.
STATE_PER_BUNDLE = 10.0


@dataclass
class Disk:
    """What due jobs write.

    Attributes
    ----------
    kept_mb : float
        Growth by the files of known size that stay (10^6 bytes).
    least_temporary_mb, most_temporary_mb : float
        Temporary files and saved states of trainings at once: what one job needs at the least, and all of them.
    unknown : Counter
        Files of unknown size, by rule.
    carried : int
        Jobs whose input is larger than any on record.
    unknown_states : int
        Trainings of networks of unknown size, whose saved states are not counted.
    """

    kept_mb: float = 0.0
    least_temporary_mb: float = 0.0
    most_temporary_mb: float = 0.0
    unknown: Counter[str] = field(default_factory=Counter)
    carried: int = 0
    unknown_states: int = 0


class Sizes:
    """Sizes of all files of a plan, there or not.

    Parameters
    ----------
    jobs : sequence of PlannedJob
    on_record : mapping
        See :func:`cisflow.planning.sizes.read_sizes`.
    folder : path
        Working folder of the run.
    given : mapping of str to float, optional
        Sizes of files to come that are known otherwise (MB), e.g. of downloads.
    """

    def __init__(
        self,
        jobs: Sequence[PlannedJob],
        on_record: Mapping[Key, FileSize],
        folder: str | Path,
        given: Mapping[str, float] | None = None,
    ):
        self.folder, self.on_record, self.given = Path(folder), on_record, given or {}
        self.of: dict[str, float | None] = {}
        self.input_mb: dict[tuple[str, ...], float | None] = {}
        due = {job.outputs: job for job in jobs if job.due}
        waiting, seen = list(due), set()
        while waiting:  # what a job reads has its size before what it writes; no recursion, chains may be long
            job = due[waiting[-1]]
            before = [other for other in job.after if other in due and other not in seen]
            if before:
                waiting += before
                continue
            waiting.pop()
            if job.outputs not in seen:
                seen.add(job.outputs)
                self._add(job)

    def _size(self, path: str) -> float | None:
        if path not in self.of:
            self.of[path] = size_on_disk(self.folder / path)
        return self.of[path]

    def _add(self, job: PlannedJob) -> None:
        inputs = [self._size(path) for path in counted_inputs(job)]
        known = None if None in inputs else sum(inputs)
        self.input_mb[job.outputs] = known
        for key, path in zip(keys(job), job.outputs, strict=False):  # a rule without outputs has a name instead
            of = self.on_record.get(key)
            self.of[path] = self.given.get(path, of.expected(known) if of else None)

    def _is_carried(self, job: PlannedJob) -> bool:
        mb = self.input_mb[job.outputs]
        found = [self.on_record[key] for key in keys(job) if key in self.on_record]
        return mb is not None and any(of.mb_per_input_mb and mb > of.largest_input_mb for of in found)

    def disk(self, jobs: Sequence[PlannedJob], cores: int = 1) -> Disk:
        """What some of the due jobs write; ``cores`` bound the trainings at once."""
        due, told = [job for job in jobs if job.due], Disk()
        temporary = set().union(*(job.temporary for job in jobs))
        states = []
        for job in due:
            told.carried += self._is_carried(job)
            files = job.outputs if job.patterns else ()
            for path in files:
                mb = self.of[path]
                if mb is None:
                    told.unknown[job.rule] += 1
                elif path in temporary:
                    told.most_temporary_mb += mb
                else:
                    told.kept_mb += mb - (size_on_disk(self.folder / path) or 0.0)
            if job.rule.startswith(TRAININGS):
                told.unknown_states += any(self.of[path] is None for path in files)
                states.append((STATE_PER_BUNDLE * sum(self.of[path] or 0.0 for path in files), job.threads))
            held = [self.of.get(path) or 0.0 for path in {*job.inputs, *files} if path in temporary]
            told.least_temporary_mb = max(told.least_temporary_mb, sum(held))
        states.sort(reverse=True)
        at_once = max(1, cores // min((threads for _, threads in states), default=1))
        told.least_temporary_mb = max([told.least_temporary_mb, *(mb for mb, _ in states[:1])])
        told.most_temporary_mb += sum(mb for mb, _ in states[:at_once])
        return told


def public_sizes(study: Study) -> dict[str, float]:
    """Published sizes (MB) of the files of the downloads sheet, where they are known, by the place they are put."""
    sources = study.public.sources
    return {study.public.place(name): of.bytes / 1e6 for name, of in sources.items() if of.bytes is not None}


def free_mb(folder: str | Path) -> float:
    """Free space (MB) of the disk that a folder lies on, or will."""
    place = Path(folder).resolve()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free / 1e6
