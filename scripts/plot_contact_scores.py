"""Rule plot_contact_scores: scores of contact models over the test windows."""

from cisflow.figures.contact_models import plot_contact_scores
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    scores, summary = read_table(snakemake.input.scores), read_table(snakemake.input.summary)
    plot_contact_scores(scores, summary, snakemake.wildcards.map, snakemake.output.svg)
