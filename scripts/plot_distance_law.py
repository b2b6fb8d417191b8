"""Rule plot_distance_law: contacts by distance, by chromosome and overall."""

from cisflow.figures.contacts import plot_distance_law
from cisflow.joblog import job

with job(snakemake):
    inputs = snakemake.input
    plot_distance_law(
        inputs.distance_law, inputs.by_chromosome, inputs.expected, snakemake.wildcards.map, snakemake.output.svg
    )
