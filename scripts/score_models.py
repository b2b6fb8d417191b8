"""Rule score_models: scores of all models of a dataset with intervals, and paired tests between the models."""

from cisflow.evaluation.comparisons import comparison_table
from cisflow.evaluation.heads import joined_heads, read_evaluations
from cisflow.evaluation.ranking import interval_draws, score_table
from cisflow.evaluation.subsets import common_folder
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, seed = snakemake.input, snakemake.params.settings["seed"]
    scores, comparisons = {}, {}
    for head, evaluation in read_evaluations(
        given.dataset, given.predictions, common_folder(given.get("subsets"))
    ).items():
        draws = interval_draws(evaluation, seed, snakemake.threads)
        scores[head] = score_table(evaluation, seed, found=draws)
        comparisons[head] = comparison_table(scores[head], draws, evaluation.models)
    write_table(joined_heads(scores), snakemake.output.scores)
    write_table(joined_heads(comparisons), snakemake.output.comparisons)
