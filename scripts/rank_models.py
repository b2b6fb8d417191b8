"""Rule rank_models: final order of the models of a dataset, with uncertainty."""

from cisflow.evaluation.heads import for_each_head
from cisflow.evaluation.ranking import rank_distribution, ranking_table
from cisflow.files import read_table, write_table
from cisflow.joblog import job

with job(snakemake):
    bootstrap, scores = read_table(snakemake.input.bootstrap), read_table(snakemake.input.scores)
    write_table(for_each_head(ranking_table, bootstrap, scores), snakemake.output.ranking)
    write_table(for_each_head(rank_distribution, bootstrap), snakemake.output.distribution)
