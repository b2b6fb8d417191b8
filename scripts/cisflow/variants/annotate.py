"""Predictions written into a VCF file.

Inputs: a VCF file and the table of effects of its alleles. Outputs: the same file with an INFO field, line by line.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from cisflow.files import atomic_path
from cisflow.variants.expression import PREDICTED

FIELD = "CISFLOW"
DESCRIPTION = (
    f'##INFO=<ID={FIELD},Number=.,Type=String,Description="Predicted effect on expression: '
    'allele|sequence|model|reference|alternative|difference|low|high">\n'
)


def _safe(text: str) -> str:
    """Percent-encode characters that separate parts of an INFO field (section 1.2 of the specification)."""
    for character in "%:;=,|\r\n\t ":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _fields(blocks: Iterable[pl.DataFrame]) -> Iterator[tuple[int, str]]:
    """Line and entry of every prediction, in the order of the file."""
    for block in blocks:
        for row in block.filter(pl.col("status") == PREDICTED).iter_rows(named=True):
            numbers = [
                "" if row[name] is None else f"{row[name]:.6g}"
                for name in ("reference", "alternative", "difference", "low", "high")
            ]
            names = [_safe(row[name]) for name in ("alternative_allele", "sequence", "model")]
            yield row["line"], "|".join(names + numbers)


def annotate(vcf: str | Path, blocks: Iterable[pl.DataFrame], output: str | Path) -> None:
    """Copy a VCF file and add the predictions to its INFO column.

    Parameters
    ----------
    vcf, output : path
        Plain text or gzip by suffix; ``output`` is whole or absent.
    blocks : iterable of polars.DataFrame
        See :func:`cisflow.variants.expression.variant_effects`; in the order of the file.
    """
    vcf, output = Path(vcf), Path(output)
    entries = _fields(blocks)
    waiting = next(entries, None)
    packed = (".gz", ".bgz")
    with atomic_path(output) as temporary, ExitStack() as opened:
        reader = gzip.open if vcf.suffix in packed else open
        source = opened.enter_context(reader(vcf, "rt", encoding="utf-8", newline="\n"))
        raw = opened.enter_context(open(temporary, "wb"))
        if output.suffix in packed:  # without a time stamp: equal tables give equal bytes
            raw = opened.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0))
        target = opened.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline="\n"))
        described = False
        for number, line in enumerate(source, 1):
            if not described and not line.startswith("##"):
                target.write(DESCRIPTION)
                described = True
            found = []
            while waiting is not None and waiting[0] == number:
                found.append(waiting[1])
                waiting = next(entries, None)
            if found:
                parts = line.rstrip("\r\n").split("\t")
                known = "" if parts[7] in ("", ".") else f"{parts[7]};"
                parts[7] = f"{known}{FIELD}={','.join(found)}"
                line = "\t".join(parts) + "\n"
            target.write(line)
