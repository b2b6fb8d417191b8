"""Quality of a prepared contact map: bins, contacts and masking, by chromosome and overall.

Inputs: a balanced cooler. Outputs: the table ``quality.tsv``.
"""

from __future__ import annotations

from pathlib import Path

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.coolers import chromosome_offsets, read_pixels


def count_contacts(cool: str | Path) -> pd.DataFrame:
    """Count bins and contacts of every chromosome.

    Parameters
    ----------
    cool : path
        Balanced cooler.

    Returns
    -------
    DataFrame
        ``chromosome``, ``length`` (bp), ``bins``, ``masked_bins`` (without weight), ``contacts`` (with one end or both
        on the chromosome) and ``cis_contacts`` (both ends). Last row: ``all``, where every contact counts once.
    """
    clr = cooler.Cooler(str(cool))
    offsets = chromosome_offsets(clr)
    sizes = np.diff(offsets)
    chromosome = np.repeat(np.arange(len(sizes)), sizes)
    masked = np.isnan(clr.bins()["weight"][:].to_numpy(dtype=np.float64))
    totals = np.zeros(len(sizes) ** 2)
    for bin1, bin2, count in read_pixels(cool):
        pair = chromosome[bin1] * len(sizes) + chromosome[bin2]
        totals += np.bincount(pair, weights=count, minlength=len(totals))
    pairs = np.rint(totals).astype(np.int64).reshape(len(sizes), len(sizes))
    cis = np.diag(pairs)
    table = pd.DataFrame(
        {
            "chromosome": clr.chromnames,
            "length": clr.chromsizes.to_numpy(dtype=np.int64),
            "bins": sizes,
            "masked_bins": np.bincount(chromosome[masked], minlength=len(sizes)),
            "contacts": pairs.sum(axis=0) + pairs.sum(axis=1) - cis,
            "cis_contacts": cis,
        }
    )
    overall = {"chromosome": "all", **table.drop(columns="chromosome").sum(), "contacts": pairs.sum()}
    return pd.concat([table, pd.DataFrame([overall])], ignore_index=True)


def quality_table(
    counts: pd.DataFrame, weights: str, iterations: int | None, variance: float | None, contacts_in_file: int
) -> pd.DataFrame:
    """Complete :func:`count_contacts` by shares and by how the weights came about.

    Parameters
    ----------
    counts : DataFrame
    weights : str
        ``balanced here`` or ``of the file``.
    iterations, variance : optional
        Of the balancing done here.
    contacts_in_file : int
        Contacts before chromosomes were dropped.

    Returns
    -------
    DataFrame
        Adds ``cis_share`` (of ``contacts``) and, in the last row, ``contacts_in_file``, ``weights``, ``iterations`` and
        ``variance``.
    """
    table = counts.copy()
    table["cis_share"] = table["cis_contacts"] / table["contacts"].where(table["contacts"] > 0)
    overall = table["chromosome"] == "all"
    for column, value in {
        "contacts_in_file": contacts_in_file,
        "weights": weights,
        "iterations": iterations,
        "variance": variance,
    }.items():
        table[column] = pd.Series([value if row else None for row in overall], dtype=object)
    return table
