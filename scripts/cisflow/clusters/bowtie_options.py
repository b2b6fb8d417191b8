"""Options of Bowtie2 that a user may add to the self-alignment.

Inputs: the text of ``cluster.bowtie2_options``. Outputs: its words, or every problem with them. Options are checked
against a list, because Bowtie2 would take options that send alignments elsewhere or that stop jobs only after hours.
"""

from __future__ import annotations

import re

from cisflow.problems import Problem, did_you_mean

KEY = "cluster.bowtie2_options"
INTEGER, PAIR, FUNCTION = r"\d+", r"\d+,\d+", r"[CLSG],-?\d+(\.\d+)?,-?\d+(\.\d+)?"
MODES = ("very-fast", "fast", "sensitive", "very-sensitive")
#: Options that may be added; the pattern of the value, or None for an option without one.
ALLOWED: dict[str, tuple[str | None, str]] = {
    "-k": (r"[2-9]|[1-9]\d+", "a whole number, 2 or more (every sequence aligns to itself)"),
    "-D": (INTEGER, "a whole number"),
    "-R": (INTEGER, "a whole number"),
    "-i": (FUNCTION, "a function such as S,1,1.15"),
    "--score-min": (FUNCTION, "a function such as L,-0.6,-0.6"),
    "--n-ceil": (rf"{FUNCTION}|\d+,\d+(\.\d+)?", "a function such as L,0,0.15"),
    "--ma": (INTEGER, "a whole number"),
    "--mp": (rf"{INTEGER}|{PAIR}", "one or two whole numbers such as 6,2"),
    "--np": (INTEGER, "a whole number"),
    "--rdg": (PAIR, "two whole numbers such as 5,3"),
    "--rfg": (PAIR, "two whole numbers such as 5,3"),
    "--dpad": (INTEGER, "a whole number"),
    "--gbar": (INTEGER, "a whole number"),
    "--seed": (INTEGER, "a whole number"),
    **{f"--{mode}{end}": (None, "") for mode in MODES for end in ("", "-local")},
    **{f"--{name}": (None, "") for name in ("end-to-end", "local", "nofw", "norc", "no-unal", "no-1mm-upfront", "mm")},
}
_FILES = "it writes files beside the alignments, which are read from Bowtie2's own output"
_HEADER = "the workflow sets what the header holds"
_READS = "the workflow gives the sequences"
#: Why an option that Bowtie2 knows is not taken.
REFUSED: dict[str, str] = {
    "-N": "set cluster.seed_mismatches",
    "-L": "set cluster.seed_length",
    "-a": "it is set already; -k replaces it",
    "--all": "it is set already; -k replaces it",
    "-p": "threads come from the rule (--cores, --set-threads)",
    "--threads": "threads come from the rule (--cores, --set-threads)",
    "-5": "the flanks of reads.structure are trimmed",
    "-3": "the flanks of reads.structure are trimmed",
    "--trim5": "the flanks of reads.structure are trimmed",
    "--trim3": "the flanks of reads.structure are trimmed",
    "--trim-to": "the flanks of reads.structure are trimmed",
    "--non-deterministic": "the result would differ from run to run",
    **dict.fromkeys(("-S", "--output", "--un", "--al", "--un-gz", "--al-gz", "--un-bz2", "--al-bz2"), _FILES),
    **dict.fromkeys(("--met-file", "--met-stderr", "--met", "-t", "--time"), _FILES),
    **dict.fromkeys(("--no-hd", "--no-head", "--no-sq", "--rg", "--rg-id", "--sam-no-qname-trunc"), _HEADER),
    **dict.fromkeys(
        ("-x", "-U", "-1", "-2", "-b", "-f", "-F", "-q", "-r", "-c", "-s", "-u", "--qseq", "--tab5"), _READS
    ),
    **dict.fromkeys(("--tab6", "--interleaved", "--skip", "--upto", "--qupto"), _READS),
}


def bowtie2_option_problems(text: str, where: str = "config") -> list[Problem]:
    """Problems with the additional options of Bowtie2.

    Parameters
    ----------
    text : str
        Options as on a command line, values behind a blank.
    where : str
        Where the text stands, for messages.

    Returns
    -------
    list of Problem
    """
    problems: list[Problem] = []
    words = text.split()
    place = 0
    while place < len(words):
        option = words[place]
        place += 1
        if option not in ALLOWED:
            why = REFUSED.get(option.split("=")[0])
            known = f"unknown option{did_you_mean(option, ALLOWED)}; options are: {', '.join(ALLOWED)}"
            problems.append(Problem(where, f"{option!r} cannot be given here: {why or known}", column=KEY))
            while place < len(words) and not re.match(r"-{1,2}[A-Za-z0-9]", words[place]):
                place += 1
            continue
        pattern, expected = ALLOWED[option]
        if pattern is None:
            continue
        value = words[place] if place < len(words) else ""
        if re.fullmatch(pattern, value):
            place += 1
            continue
        problems.append(Problem(where, f"{option} needs {expected}, but {value or 'nothing'!r} follows", column=KEY))
        place += bool(value) and value not in ALLOWED
    return problems
