"""Rule score_models: scores of all models of a dataset with intervals, and paired tests between the models."""

from cisflow.evaluation.comparisons import comparison_table
from cisflow.evaluation.ranking import interval_draws, read_evaluation, score_table
from cisflow.evaluation.subsets import common_folder
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, seed = snakemake.input, snakemake.params.settings["seed"]
    evaluation = read_evaluation(given.dataset, given.predictions, common_folder(given.get("subsets")))
    draws = interval_draws(evaluation, seed, snakemake.threads)
    scores = score_table(evaluation, seed, found=draws)
    write_table(scores, snakemake.output.scores)
    write_table(comparison_table(scores, draws, evaluation.models), snakemake.output.comparisons)
