"""Rule measure_test_ceiling: how well a perfect model could score on the test rows of a dataset."""

from cisflow.evaluation.ceiling import read_dataset_ceilings
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    table = read_dataset_ceilings(
        given.dataset, given.get("expression"), given.get("subsets"), snakemake.params.settings["seed"]
    )
    write_table(table, snakemake.output[0])
