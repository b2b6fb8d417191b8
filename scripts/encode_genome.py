"""Rule encode_genome: a genome at two bits per base, shared by the processes that read it."""

from cisflow.contacts.two_bit import write_two_bit
from cisflow.joblog import job

with job(snakemake):
    write_two_bit(snakemake.input[0], snakemake.output[0])
