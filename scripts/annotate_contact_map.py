"""Rule annotate_contact_map: compartments and insulation of a map, by cooltools."""

from cisflow.contacts.annotate import annotate_map
from cisflow.joblog import job

with job(snakemake):
    given, output = snakemake.input, snakemake.output
    tables = {"compartments": output.compartments, "insulation": output.insulation}
    annotate_map(given.contacts, given.genome, tables, snakemake.config["contacts"]["memory_mb"])
