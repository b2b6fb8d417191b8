"""Sentences of the report about accessibility profiles.

Inputs: ``profiles/{assay}/summary.tsv``. Outputs: sentences with the main numbers.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cisflow.evaluation.intervals import with_interval
from cisflow.files import read_table


def _in_words(row: pd.Series) -> str:
    return with_interval(row["mean"], row["low"], row["high"])


def profile_sentence(path: str | Path) -> str:
    """Scores of the network with the highest correlation of counts."""
    summary = read_table(path, dtype={"model": str})
    networks = summary[summary["kind"] == "model"].set_index(["model", "metric"])
    name = networks.index[0][0]
    count, profile = (networks.loc[(name, metric)] for metric in ("count_pearson", "profile_similarity"))
    return (
        f"Assay {Path(path).parent.name}, test peaks of {count['folds']} fold(s): highest correlation of ln(1 + count) "
        f"is that of {name}, {_in_words(count)}; 1 - median Jensen-Shannon distance of its profiles "
        f"{_in_words(profile)}."
    )
