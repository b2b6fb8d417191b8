"""Rule plot_motifs: letters of the mutagenesis of the sequence with sites of the most known motifs."""

import polars as pl

from cisflow.figures.motif_matches import save_motifs
from cisflow.interpret.motif_scan import MATCHES, most_matched, one_per_place
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    profiles = pl.read_csv(given.profiles, separator="\t", schema_overrides={"id": pl.String})
    matches = pl.read_csv(given.matches, separator="\t", schema=MATCHES)
    drawn = most_matched(profiles["id"].to_list(), matches)
    one, found = profiles.filter(pl.col("id") == drawn), matches.filter(pl.col("id") == drawn)
    tables = [table.to_pandas() for table in (one, found, one_per_place(found))]
    save_motifs(*tables, snakemake.output.svg, snakemake.wildcards.dataset)
