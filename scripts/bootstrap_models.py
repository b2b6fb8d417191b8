"""Rule bootstrap_models: scores and ranks of all models of a dataset in every bootstrap draw."""

from cisflow.evaluation.ranking import bootstrap_table, read_evaluation
from cisflow.evaluation.subsets import common_folder
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    evaluation = read_evaluation(given.dataset, given.predictions, common_folder(given.get("subsets")))
    table = bootstrap_table(evaluation, settings["ranking"], settings["seed"], snakemake.threads)
    write_table(table, snakemake.output[0])
