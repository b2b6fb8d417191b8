"""Predictions for any number of sequences, block by block.

Inputs: bundles; sequences from FASTA, tables or intervals of a genome. Outputs: a table with one row per sequence, or a
bigWig track of intervals. Memory does not grow with the number of sequences.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from cisflow.files import TableWriter, atomic_path
from cisflow.interpret.mutagenesis import Predictor
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.variants.sequences import Place

#: Sequences that are predicted at once.
BLOCK = 1 << 14
_LETTERS = set("ACGTN")

Named = tuple[str, str]


def _fasta(path: Path) -> Iterator[Named]:
    import pysam

    with pysam.FastxFile(str(path)) as records:
        for record in records:
            yield record.name, record.sequence


def _text(path: Path) -> Iterator[Named]:
    separator = "," if ".csv" in path.suffixes else "\t"
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            cells = line.rstrip("\r\n").split(separator)
            if cells == [""]:
                continue
            if len(cells) != 2:
                raise InputError(Problem(str(path), f"{len(cells)} cells; expected id and sequence", number))
            yield cells[0], cells[1]


def _parquet(path: Path) -> Iterator[Named]:
    names = pq.read_schema(path).names
    name = next((column for column in ("id", "element") if column in names), None)
    missing = [column for column, there in (("id", name), ("sequence", "sequence" in names)) if not there]
    if missing:
        raise InputError([Problem(str(path), "missing column", column=column) for column in missing])
    for batch in pq.ParquetFile(path).iter_batches(BLOCK, columns=[name, "sequence"]):
        yield from zip(batch[name].to_pylist(), batch["sequence"].to_pylist(), strict=True)


def read_sequences(path: str | Path) -> Iterator[Named]:
    """Names and sequences of a file, one after the other.

    Parameters
    ----------
    path : path
        Parquet with columns ``id`` (or ``element``) and ``sequence``; FASTA (``.fa``, ``.fasta``, ``.fna``); or a table
        of id and sequence without header, between tabs (commas where the name has ``.csv``). Text plain or gzip.

    Raises
    ------
    InputError
        File missing or damaged, or a record with other letters than A, C, G, T and N, or without any.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found; expected sequences"))
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    reader = _parquet if suffix == ".parquet" else _fasta if suffix in (".fa", ".fasta", ".fna") else _text
    try:
        for number, (name, sequence) in enumerate(reader(path), 1):
            upper = (sequence or "").upper()
            if not upper or set(upper) - _LETTERS:
                what = f"sequence {number} ({name!r}) is {upper[:30]!r}; expected A, C, G, T, N"
                raise InputError(Problem(str(path), what))
            yield name, upper
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read to its end: {error}")) from None


def shown_sequences(
    sequences: str | Path | None, places: Sequence[Place], left: str = "", right: str = ""
) -> Iterator[Named]:
    """Names and sequences as models are shown them: of a file, or of intervals where there is none.

    Parameters
    ----------
    sequences : path, optional
        See :func:`read_sequences`.
    places : sequence of Place
        Intervals of a genome.
    left, right : str
        Constant ends around every sequence.
    """
    if sequences is None:
        return ((place.name, place.read(place.bases, left, right)) for place in places)
    return ((name, left + bases + right) for name, bases in read_sequences(sequences))


def columns_of(models: Mapping[str, Sequence[Predictor]]) -> dict[str, pl.DataType]:
    """Columns of the table: ``id``, the mean prediction by the name of the model, and of replicates."""
    names = []
    for name, replicates in models.items():
        names += [name, *(f"{name}.{k}" for k in range(1, len(replicates) + 1) if len(replicates) > 1)]
    return {"id": pl.String, **dict.fromkeys(names, pl.Float64)}


def predict_stream(models: Mapping[str, Sequence[Predictor]], sequences: Iterable[Named]) -> Iterator[pl.DataFrame]:
    """Predict sequences as they come.

    Parameters
    ----------
    models : mapping of list of Predictor by name
        Replicates of each model.
    sequences : iterable of (str, str)
        Name and bases.

    Yields
    ------
    polars.DataFrame
        See :func:`columns_of`; null where a model has no prediction for a sequence (of another length).
    """
    waiting, progress = iter(sequences), Progress("predict", None, "sequences")
    while block := list(islice(waiting, BLOCK)):
        bases = [sequence for _, sequence in block]
        columns: dict[str, object] = {"id": [name for name, _ in block]}
        for name, replicates in models.items():
            each = [np.asarray(replicate.predict(bases)) for replicate in replicates]
            columns[name] = np.mean(each, axis=0)
            if len(each) > 1:
                columns |= {f"{name}.{k}": values for k, values in enumerate(each, 1)}
        yield pl.DataFrame(columns, schema=columns_of(models)).with_columns(pl.exclude("id").fill_nan(None))
        progress.advance(len(block))
    progress.write()


def write_predictions(
    models: Mapping[str, Sequence[Predictor]], sequences: Iterable[Named], output: str | Path
) -> tuple[int, int]:
    """Predict sequences and write the table block by block.

    Returns
    -------
    int, int
        Sequences, and those of them that some model has no prediction for.
    """
    number = without = 0
    with TableWriter(output, columns_of(models)) as writer:
        for block in predict_stream(models, sequences):
            writer.write(block)
            number += len(block)
            without += int(block.select(pl.any_horizontal(pl.exclude("id").is_null()).sum()).item())
    return number, without


def write_track(
    model: Sequence[Predictor],
    places: Sequence[Place],
    lengths: Mapping[str, int],
    output: str | Path,
    left: str = "",
    right: str = "",
) -> None:
    """Predict intervals of a genome and write them as a bigWig track, one value per interval; see :func:`write_values`.

    Parameters
    ----------
    model : sequence of Predictor
        Replicates; their mean is written.
    places : sequence of Place
    lengths : mapping of str to int
        Lengths (bp) of the chromosomes.
    output : path
    left, right : str
        Constant ends around every sequence.

    Raises
    ------
    InputError
        When intervals overlap: a track has one value per base.
    """
    _refuse_overlaps(places, lengths)
    named = shown_sequences(None, places, left, right)
    values = pl.concat(predict_stream({"m": model}, named))["m"]
    write_values(places, values.to_list(), lengths, output)


def _in_order(places: Sequence[Place], lengths: Mapping[str, int]) -> list[int]:
    """Numbers of intervals in the order of the genome."""
    rank = {name: i for i, name in enumerate(lengths)}
    return sorted(range(len(places)), key=lambda i: (rank[places[i].chromosome], places[i].start))


def _refuse_overlaps(places: Sequence[Place], lengths: Mapping[str, int]) -> None:
    ordered = [places[i] for i in _in_order(places, lengths)]
    overlapping = [
        Problem("intervals", f"{later.name} overlaps {before.name}; a track has one value per base")
        for before, later in pairwise(ordered)
        if before.chromosome == later.chromosome and later.start < before.end
    ]
    if overlapping:
        raise InputError(overlapping[:20])


def write_values(
    places: Sequence[Place], values: Sequence[float | None], lengths: Mapping[str, int], output: str | Path
) -> None:
    """Write one value per interval as a bigWig track.

    Parameters
    ----------
    places : sequence of Place
    values : sequence of float or None
        Intervals without a value are left out.
    lengths : mapping of str to int
        Lengths (bp) of the chromosomes.
    output : path

    Raises
    ------
    InputError
        When intervals overlap: a track has one value per base.
    """
    import pyBigWig

    _refuse_overlaps(places, lengths)
    ordered = _in_order(places, lengths)
    kept = [(places[i], values[i]) for i in ordered if values[i] is not None]
    with atomic_path(output) as temporary:
        track = pyBigWig.open(str(temporary), "w")
        track.addHeader([(name, int(length)) for name, length in lengths.items()])
        if kept:
            track.addEntries(
                [place.chromosome for place, _ in kept],
                [place.start for place, _ in kept],
                ends=[place.end for place, _ in kept],
                values=[float(value) for _, value in kept],
            )
        track.close()
