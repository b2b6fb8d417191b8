"""Rule compute_expected: contacts by distance, and their level between chromosomes."""

from cisflow.contacts.expected import compute_expected
from cisflow.joblog import job

with job(snakemake):
    output = snakemake.output
    compute_expected(snakemake.input[0], output.expected, output.distance_law, output.by_chromosome)
