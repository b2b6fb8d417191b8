"""The disk that a run will take, in words.

Inputs: :class:`cisflow.planning.disk.Disk`, free space. Outputs: text for the table of a plan and for the lines below.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cisflow.planning.disk import Disk

#: Rules that are named where there are many.
MOST_NAMED = 8


def room(told: Disk, free: float) -> str | None:
    """A warning where the disk does not have room, or may not; ``free`` in MB."""
    unknown = ", files of unknown size not counted" if told.unknown else ""
    least = max(told.kept_mb, told.least_temporary_mb)
    if least > free:
        return f"WARNING: it will not fit: {gb(least)} are needed and {gb(free)} free{unknown}"
    most = told.kept_mb + told.most_temporary_mb
    if most > free:
        return f"WARNING: it may not fit: up to {gb(most)} are needed at once and {gb(free)} free{unknown}"
    return None


def gb(mb: float) -> str:
    """Size in words: three digits of GB, of MB below a tenth of one."""
    value, unit = (mb / 1000, "GB") if abs(mb) >= 100 else (mb, "MB")
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"


def named_rules(counted: Counter[str]) -> str:
    """Rules and how many of each, the first of many."""
    names = [f"{rule} ({n:,})" for rule, n in sorted(counted.items())]
    more = f", and {len(names) - MOST_NAMED} more rules" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def stage_disk(told: Disk, n_due: int) -> str:
    """Cell of a stage with so many due jobs; a question mark for files of unknown size."""
    if not n_due:
        return "-"
    known = told.kept_mb or told.most_temporary_mb or not told.unknown
    return (gb(told.kept_mb) if known else "unknown") + (" + ?" if known and told.unknown else "")


def disk_lines(told: Disk, free: float, folder: Path) -> list[str]:
    """What is written, kept or not, beside what is free."""
    lines = [
        f"disk: {gb(told.kept_mb)} more for the files of known size that are kept, beside them at once"
        f" {gb(told.least_temporary_mb)} to {gb(told.most_temporary_mb)} of temporary ones and states of trainings;"
        f" {gb(free)} free in {folder}; from finished runs (workflow/disk.tsv)"
    ]
    if told.unknown_states:
        lines.append(f"not counted: saved states of {told.unknown_states:,} trainings, whose networks are on no record")
    if told.carried:
        lines.append(
            f"the input of {told.carried:,} jobs is larger than any whose files are on record: their sizes are carried"
            " forward"
        )
    if told.unknown:
        lines.append(
            f"unknown, because on no record, the size of {told.unknown.total():,} files: {named_rules(told.unknown)}"
        )
    warning = room(told, free)
    return [*lines, warning] if warning else lines
