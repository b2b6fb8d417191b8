"""Rule score_models: scores of all models of a dataset, with intervals."""

from cisflow.evaluation.ranking import read_evaluation, score_table
from cisflow.evaluation.subsets import common_folder
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given = snakemake.input
    evaluation = read_evaluation(given.dataset, given.predictions, common_folder(given.get("subsets")))
    write_table(score_table(evaluation, snakemake.params.settings["seed"], snakemake.threads), snakemake.output[0])
