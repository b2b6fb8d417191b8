"""Rule score_folds: scores of all models per test fold, their means, and paired tests over the folds."""

from cisflow.evaluation.cross_validation import fold_scores, paired_tests, summary_table
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    scores = fold_scores(settings["models"], settings["folds"], snakemake.input)
    write_table(scores, snakemake.output.scores)
    write_table(summary_table(scores), snakemake.output.summary)
    write_table(paired_tests(scores), snakemake.output.comparisons)
