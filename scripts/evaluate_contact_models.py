"""Rule evaluate_contact_models: score, rank and describe the models of a contact map on its test windows."""

from cisflow.evaluation.contact_evaluation import evaluate_contacts
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    tables = evaluate_contacts(
        dict(zip(settings["models"], snakemake.input.predictions, strict=True)),
        settings["draws"],
        settings["seed"],
        snakemake.wildcards.view,
        settings["max_missing"],
        read_table(snakemake.input.ceiling[0]) if snakemake.input.ceiling else None,
    )
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
