"""From track, peaks and genome of an assay to windows of counts and bases.

Inputs: bigWig, BED files, FASTA. Outputs: ``profiles/{assay}/regions.parquet`` (the regions), ``sequences.npy`` and
``counts.npy`` (their bases and counts, with room for the jitter) and ``funnel.tsv``. All training jobs of an assay map
the two arrays into memory and share them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.contacts.genome import Genome
from cisflow.files import atomic_path, write_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.profiles.folds import Fold, chromosome_problems, groups
from cisflow.profiles.negatives import draw_negatives, gc_share
from cisflow.profiles.regions import NONPEAK, PEAK, fits, name_problems, on_chromosomes, read_regions
from cisflow.profiles.tracks import Track
from cisflow.progress import Progress
from cisflow.randomness import generator

COLUMNS = ("region", "chromosome", "position", "kind", "gc", "count", "room_for_jitter")


@dataclass(frozen=True)
class AssayFiles:
    """Input files of an assay; without ``nonpeaks`` negatives are drawn."""

    genome: str | Path
    track: str | Path
    peaks: str | Path
    nonpeaks: str | Path | None = None


@dataclass(frozen=True)
class Window:
    """Widths (bp): bases read, positions predicted, and the largest move to either side."""

    input_length: int
    output_length: int
    jitter: int


@dataclass
class _Checked:
    peaks: pd.DataFrame
    nonpeaks: pd.DataFrame | None
    chromosomes: list[str]
    used: list[str]


def check_assay(files: AssayFiles, genome: Mapping[str, int] | None, folds: Sequence[Fold]) -> _Checked:
    """Read regions and headers, and check that all files are of one genome.

    Parameters
    ----------
    files : AssayFiles
    genome : mapping of str to int or None
        Length of every record of the FASTA; None where it is not known yet: the track's header stands for it.
    folds : sequence of Fold

    Raises
    ------
    InputError
        With every problem of every file.
    """
    problems: list[Problem] = []
    track: dict[str, int] = {}
    try:
        with Track(files.track) as opened:
            track = opened.lengths
    except InputError as error:
        problems += error.problems
    tables = []
    for path, kind in ((files.peaks, PEAK), (files.nonpeaks, NONPEAK)):
        if path is None:
            tables.append(None)
            continue
        table, found = read_regions(path, kind)
        problems += found
        if genome or track:
            problems += name_problems(table, str(path), genome or track)
        tables.append(table)
    lengths = genome or track
    shared = [name for name in lengths if name in track]
    if genome and track:
        problems += [
            Problem(str(files.track), f"{name} has {track[name]:,} bp, in {files.genome} {genome[name]:,} bp")
            for name in shared
            if track[name] != genome[name]
        ]
        if not shared:
            what = f"no chromosome of the genome; it has {', '.join(list(track)[:5])}, {files.genome} has "
            problems.append(Problem(str(files.track), what + ", ".join(list(genome)[:5])))
    if shared:
        problems += chromosome_problems(folds, shared, "profiles sheet")
    if problems:
        raise InputError(problems)
    used = [name for name in shared if any(fold.role(name) for fold in folds)]
    return _Checked(tables[0], tables[1], shared, used)


def early_problems(
    assays: Mapping[str, Mapping[str, Any]],
    folds: Mapping[str, Sequence[Mapping[str, Any]]],
    find: Callable[[str], str],
) -> list[Problem]:
    """Problems of given files that can be told before any job: everything but lengths in the genome.

    Parameters
    ----------
    assays : mapping of str to mapping
        Rows of the profiles sheet; those with source ``files`` are looked at.
    folds : mapping of str to sequence of mapping
        Folds by assay.
    find : callable
        Says where a relative path lies.
    """
    problems = []
    for name, row in assays.items():
        if row["source"] != "files":
            continue
        nonpeaks = find(row["nonpeaks"]) if row["nonpeaks"] else None
        files = AssayFiles(find(row["genome"]), find(row["bigwig"]), find(row["peaks"]), nonpeaks)
        if not all(Path(path).is_file() for path in (files.track, files.peaks, files.nonpeaks) if path):
            continue  # still to be fetched, see the downloads sheet
        try:
            check_assay(files, None, [Fold.of(fold) for fold in folds[name]])
        except InputError as error:
            problems += error.problems
    return problems


def prepare_assay(
    assay: str, files: AssayFiles, output: Mapping[str, str | Path], window: Window, settings: Mapping[str, Any]
) -> None:
    """Write the regions of an assay with their bases and counts.

    Parameters
    ----------
    assay : str
    files : AssayFiles
    output : mapping of str to path
        ``regions``, ``sequences``, ``counts``, ``funnel``.
    window : Window
    settings : mapping
        ``folds`` (see :meth:`Fold.of`), ``negatives_per_peak`` (where negatives are drawn), ``seed``.

    Raises
    ------
    InputError
        When files do not fit together, or a fold has no peaks to train on, to choose by or to test on.
    """
    folds = [Fold.of(fold) for fold in settings["folds"]]
    genome = Genome(files.genome)
    checked = check_assay(files, genome.lengths, folds)
    funnel: list[tuple[str, int]] = []
    peaks = _counted(checked.peaks, "peaks", checked.used, window, genome.lengths, funnel)
    if checked.nonpeaks is None:
        nonpeaks = draw_negatives(
            genome,
            peaks,
            groups(folds, checked.used),
            window.input_length,
            window.jitter,
            settings["negatives_per_peak"],
            generator(settings["seed"], "negatives", assay),
        )
        funnel.append(("regions without peak, drawn", len(nonpeaks)))
    else:
        nonpeaks = _counted(checked.nonpeaks, "regions without peak", checked.used, window, genome.lengths, funnel)
    table = pd.concat([peaks, nonpeaks], ignore_index=True)
    table["room_for_jitter"] = fits(table, window.input_length + 2 * window.jitter, genome.lengths)
    for kind, name in ((PEAK, "peaks"), (NONPEAK, "regions without peak")):
        funnel.append(
            (f"{name} with room for the jitter", int(table.loc[table["kind"] == kind, "room_for_jitter"].sum()))
        )
    place = table["chromosome"].map({name: i for i, name in enumerate(checked.used)})
    table = table.assign(place=place).sort_values(["place", "position", "kind"], kind="stable", ignore_index=True)
    _check_folds(table, folds, str(files.peaks))
    with Track(files.track) as track:
        _write_windows(table, genome, track, window, output, f"read {assay}")
    table["region"] = np.arange(len(table))
    write_table(table[list(COLUMNS)], output["regions"])
    write_table(
        pd.DataFrame(funnel, columns=["step", "count"]).assign(dataset=assay)[["dataset", "step", "count"]],
        output["funnel"],
    )
    logger.info("%d peaks, %d regions without peak", len(peaks), len(nonpeaks))


def _counted(
    table: pd.DataFrame,
    name: str,
    used: Sequence[str],
    window: Window,
    lengths: Mapping[str, int],
    funnel: list[tuple[str, int]],
) -> pd.DataFrame:
    """Regions whose sequence lies inside a chromosome of the folds, with a row of the funnel for each step."""
    funnel.append((f"{name} given", len(table)))
    table = on_chromosomes(table, used)
    funnel.append((f"{name} on chromosomes of the folds", len(table)))
    table = table[fits(table, window.input_length, lengths)].reset_index(drop=True)
    funnel.append((f"{name} far enough from the ends of the chromosome", len(table)))
    return table


def _check_folds(table: pd.DataFrame, folds: Sequence[Fold], where: str) -> None:
    peaks = table[table["kind"] == PEAK]
    problems = []
    for fold in folds:
        roles = peaks["chromosome"].map(fold.role)
        for role in ("training", "validation", "test"):
            own = roles == role
            if role != "test":
                own &= peaks["room_for_jitter"]
            if own.sum() < 2:
                what = f"fold {fold.name}: {own.sum()} peaks on {role} chromosomes, expected two or more"
                problems.append(Problem(where, what))
    if problems:
        raise InputError(problems)


def _write_windows(
    table: pd.DataFrame, genome: Genome, track: Track, window: Window, output: Mapping[str, str | Path], label: str
) -> None:
    """Write bases and counts of all regions, chromosome by chromosome; adds ``gc`` and ``count`` to the table."""
    margins = {"sequences": window.input_length + 2 * window.jitter, "counts": window.output_length + 2 * window.jitter}
    table["gc"], table["count"] = 0.0, 0.0
    counts: list[np.ndarray] = []
    progress = Progress(label, len(table), "regions")
    with atomic_path(output["sequences"]) as temporary:
        shape = (len(table), margins["sequences"])
        sequences = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        for name, rows in table.groupby("chromosome", sort=False).groups.items():
            position = table.loc[rows, "position"].to_numpy()
            start = position - window.input_length // 2 - window.jitter
            sequences[rows] = _bases(genome, str(name), start, margins["sequences"])
            first = position - window.output_length // 2 - window.jitter
            counts.append(track.windows(str(name), first, margins["counts"]))
            centre = slice(window.jitter, window.jitter + window.output_length)
            table.loc[rows, "count"] = counts[-1][:, centre].sum(axis=1, dtype=np.float64)
            codes = genome.codes(str(name), 0, genome.lengths[str(name)])
            table.loc[rows, "gc"] = gc_share(codes, position - window.input_length // 2, window.input_length)
            progress.advance(len(rows))
        sequences.flush()
        del sequences
    kind = np.result_type(*counts)
    with atomic_path(output["counts"]) as temporary:
        shape = (len(table), margins["counts"])
        target = np.lib.format.open_memmap(temporary, mode="w+", dtype=kind, shape=shape)
        done = 0
        while counts:
            part = counts.pop(0)
            target[done : done + len(part)] = part
            done += len(part)
        target.flush()
        del target
    progress.write(f"counts are {np.dtype(kind).name}")


def _bases(genome: Genome, chromosome: str, start: np.ndarray, width: int) -> np.ndarray:
    """Bases of windows, uint8 (n, width); unknown outside the chromosome."""
    low, high = int(start.min()), int(start.max()) + width
    views = np.lib.stride_tricks.sliding_window_view(genome.codes(chromosome, low, high), width)
    return views[start - low]
