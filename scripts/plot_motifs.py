"""Rule plot_motifs: letters of the mutagenesis of a sequence with sites of known motifs."""

import polars as pl

from cisflow.figures.motif_matches import save_motifs
from cisflow.interpret.motif_scan import MATCHES, one_per_place
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    profiles = pl.read_csv(given.profiles, separator="\t", schema_overrides={"id": pl.String})
    matches = pl.read_csv(given.matches, separator="\t", schema=MATCHES)
    drawn = profiles["id"][0]
    one, found = profiles.filter(pl.col("id") == drawn), matches.filter(pl.col("id") == drawn)
    tables = [table.to_pandas() for table in (one, found, one_per_place(found))]
    save_motifs(*tables, snakemake.output.svg, snakemake.wildcards.dataset)
