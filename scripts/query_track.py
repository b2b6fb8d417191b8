"""Rule query_track: predictions of a model for the intervals of a query, as a track."""

from cisflow.contacts.genome import Genome
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.models.predict_stream import write_values
from cisflow.variants.sequences import intervals

with job(snakemake):
    given = snakemake.input
    places, table = intervals(given.intervals, given.genome), read_table(given.table)
    values = table[snakemake.wildcards.model].astype(object).where(table[snakemake.wildcards.model].notna(), None)
    write_values(places, list(values), Genome(given.genome, ()).lengths, snakemake.output[0])
