"""A few simulated variants, as VCF files, for the demo.

Inputs: a simulated genome and its motif sites, or a designed library; a seed. Outputs: VCF text with variants of every
kind, and some that cannot be predicted, as call sets have them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cisflow.clusters.ordered import read_ordered
from cisflow.contacts.genome import BASES, Genome
from cisflow.files import write_text
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator

HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def _write(records: list[tuple[str, int, str, str, str, str]], path: str | Path) -> None:
    lines = ["\t".join((c, str(p), name, ref, alt, ".", ".", info)) for c, p, name, ref, alt, info in records]
    write_text(HEADER + "".join(f"{line}\n" for line in lines), path)


def some_sites(
    peaks: str | Path, chromosome: str, length: int, number: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw motif sites in the middle three fifths of a chromosome: start and end (bp), in their order.

    Raises
    ------
    InputError
        When there is none.
    """
    rows = [line.split("\t")[:3] for line in Path(peaks).read_text(encoding="utf-8").splitlines() if line]
    sites = [(int(s), int(e)) for c, s, e in rows if c == chromosome and length // 5 < int(s) < 4 * length // 5]
    if not sites:
        what = f"no motif site in the middle of {chromosome}; expected a longer chromosome"
        raise InputError(Problem(str(peaks), what))
    return [sites[k] for k in sorted(rng.choice(len(sites), size=min(number, len(sites)), replace=False))]


def simulate_structural(
    genome: str | Path, peaks: str | Path, chromosome: str, other: str, seed: int, path: Path
) -> None:
    """Write structural variants around the motif sites of a chromosome.

    Parameters
    ----------
    genome : path
        FASTA.
    peaks : path
        BED file of the motif sites.
    chromosome, other : str
        Where the variants lie, and with which chromosome one of them joins it.
    seed : int
    path : path
        Output.
    """
    reference, rng = Genome(genome, [chromosome, other]), generator(seed, "structural variants")
    length = reference.lengths[chromosome]
    chosen = some_sites(peaks, chromosome, length, 4, rng)

    def base(position: int) -> str:
        """Base at a 1-based position."""
        return (BASES + "N")[reference.codes(chromosome, position - 1, position)[0]]

    inserted = "".join(BASES[code] for code in rng.integers(0, 4, 60))
    records = []
    for number, (start, end) in enumerate(chosen, 1):
        records.append((chromosome, start, f"site{number}", base(start), "<DEL>", f"SVTYPE=DEL;END={end}"))
    start, end = chosen[0][0] - 20_000, chosen[0][1] + 20_000
    records += [
        (chromosome, start, "around_site1", base(start), "<INV>", f"SVTYPE=INV;END={end}"),
        (chromosome, start, "copy_of_site1", base(start), "<DUP:TANDEM>", f"SVTYPE=DUP;END={end}"),
        (chromosome, start, "far_from_sites", base(start), base(start) + inserted, "."),
        (chromosome, start, "joined", base(start), f"{base(start)}[{other}:{length // 2}[", "SVTYPE=BND"),
        (chromosome, start, "copies", base(start), "<CNV>", f"SVTYPE=CNV;END={end}"),
    ]
    _write(records, path)


def simulate_substitutions(library: str | Path, seed: int, path: Path, constructs: int = 12, each: int = 8) -> None:
    """Write substitutions, and an insertion and a deletion, in constructs of a designed library.

    Parameters
    ----------
    library : path
        Ordered sequences: id and sequence.
    seed : int
    path : path
        Output.
    constructs, each : int
        Constructs that are changed, and substitutions in each of them.
    """
    rng, table = generator(seed, "substitutions"), read_ordered(library)
    rows = np.sort(rng.choice(len(table), size=min(constructs, len(table)), replace=False))
    names, sequences, records = table["element"].to_list(), table["sequence"].to_list(), []
    for row in rows:
        name, bases = str(names[row]), sequences[row].upper()
        for position in np.sort(rng.choice(np.arange(1, len(bases)), size=each, replace=False)):
            others = BASES.replace(bases[position], "")
            records.append((name, int(position) + 1, ".", bases[position], others[rng.integers(len(others))], "."))
        middle = len(bases) // 2
        records.append((name, middle + 1, ".", bases[middle], f"{bases[middle]}A", "."))
    first = records[0]
    records.append((first[0], first[1], "wrong_base", first[4], first[3], "."))
    _write(records, path)
