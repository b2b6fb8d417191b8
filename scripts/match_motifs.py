"""Rule match_motifs: sites of known motifs in mutagenised sequences, and what they contribute."""

import polars as pl

from cisflow.files import write_table
from cisflow.interpret.meme import read_meme
from cisflow.interpret.motif_scan import motif_matches
from cisflow.joblog import job

with job(snakemake):
    profiles = pl.read_csv(snakemake.input.profiles, separator="\t", schema_overrides={"id": pl.String})
    motifs = read_meme(snakemake.input.motifs)
    write_table(motif_matches(profiles, motifs, snakemake.params.settings["p_value"]), snakemake.output[0])
