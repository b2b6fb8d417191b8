"""Screens of the reference set as the tests read them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.expression.maude_table import estimate_screens


@dataclass
class Screen:
    """One folder of the reference set."""

    counts: pd.DataFrame
    bins: pd.DataFrame
    params: dict
    expected: pd.DataFrame | None

    @property
    def screen_columns(self) -> list[str]:
        column = self.params["experiment_column"]
        return [column] if column else []

    def estimate(self, **changes) -> pd.DataFrame:
        """Estimates from the raw counts, rows sorted like the expected table."""
        arguments = {
            "unsorted_column": self.params["unsorted_column"],
            "control_column": self.params["control_column"],
            "screen_columns": self.screen_columns,
            "element_column": "id",
            "pseudocount": self.params["pseudocount"],
            "limits": self.params["limits"],
            "centre": self.params["mean_function"],
        }
        table = estimate_screens(self.counts, self.bins, self.params["sort_bins"], **(arguments | changes))
        return table.sort_values([*self.screen_columns, "id"], kind="stable").reset_index(drop=True)

    @property
    def r_found_the_optimum(self) -> np.ndarray:
        ll, best = self.expected["ll"].to_numpy(), self.expected["ll_global"].to_numpy()
        return np.abs(ll - best) < 1e-6 * (1 + np.abs(ll))


def read_screen(folder: Path) -> Screen:
    """Read a folder with counts, bins, params and, where R gave an answer, the expected estimates."""
    expected = folder / "guides_expected.tsv"
    return Screen(
        pd.read_csv(folder / "counts.tsv", sep="\t"),
        pd.read_csv(folder / "bins.tsv", sep="\t"),
        json.loads((folder / "params.json").read_text()),
        pd.read_csv(expected, sep="\t") if expected.exists() else None,
    )
