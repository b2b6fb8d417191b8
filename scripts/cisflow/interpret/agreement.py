"""Do models see the same bases, and do two methods?

Inputs: position scores of the mutagenesis, attributions. Outputs: one correlation per sequence and pair.
"""

from __future__ import annotations

from itertools import combinations

import polars as pl

from cisflow.interpret.attribution import METHODS

#: Columns of the table of agreement.
AGREEMENT = {
    "kind": pl.String,
    "first": pl.String,
    "second": pl.String,
    "id": pl.String,
    "n": pl.UInt32,
    "pearson": pl.Float64,
}


def _correlations(kind: str, first: str, second: str, values: pl.DataFrame, left: pl.Expr, right: str) -> pl.DataFrame:
    """Pearson r of two columns within each sequence; null where one of them is constant."""
    found = values.group_by("id", maintain_order=True).agg(n=pl.len(), pearson=pl.corr(left, pl.col(right)))
    labels = {"kind": pl.lit(kind), "first": pl.lit(first), "second": pl.lit(second)}
    return found.with_columns(pearson=pl.col("pearson").fill_nan(None), **labels).select(
        pl.col(name).cast(kind_of) for name, kind_of in AGREEMENT.items()
    )


def agreement(profiles: pl.DataFrame) -> pl.DataFrame:
    """Correlation of profiles along each sequence.

    Parameters
    ----------
    profiles : polars.DataFrame
        ``model``, ``id``, ``position``, ``score`` (see :func:`cisflow.interpret.effects.position_scores`), and,
        where there are attributions, ``gradient_x_input`` and ``integrated_gradients``.

    Returns
    -------
    polars.DataFrame
        Columns of :data:`AGREEMENT`. ``kind`` is ``models`` (position scores of the models ``first`` and ``second``) or
        ``methods`` (minus the position scores of the model ``first``, so that both say what a base adds, and the
        attribution ``second``); ``n`` positions.
    """
    names = profiles["model"].unique(maintain_order=True).to_list()
    parts = [pl.DataFrame(schema=AGREEMENT)]
    for first, second in combinations(names, 2):
        left, right = (profiles.filter(pl.col("model") == name) for name in (first, second))
        both = left.join(right.select("id", "position", other="score"), on=["id", "position"], maintain_order="left")
        parts.append(_correlations("models", first, second, both, pl.col("score"), "other"))
    for method in METHODS:
        for name in names if method in profiles.columns else []:
            own = profiles.filter((pl.col("model") == name) & pl.col(method).is_not_null())
            parts.append(_correlations("methods", name, method, own, -pl.col("score"), method))
    return pl.concat(parts)
