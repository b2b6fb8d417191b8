"""Rules bootstrap_models and bootstrap_shard: scores and ranks of all models of a dataset in bootstrap draws."""

from cisflow.evaluation.heads import joined_heads, read_evaluations
from cisflow.evaluation.ranking import bootstrap_table
from cisflow.evaluation.subsets import common_folder
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    shard = int(snakemake.wildcards.get("shard", 0)), settings.get("shards", 1)
    evaluations = read_evaluations(given.dataset, given.predictions, common_folder(given.get("subsets")))
    tables = {
        head: bootstrap_table(evaluation, settings["ranking"], settings["seed"], snakemake.threads, shard)
        for head, evaluation in evaluations.items()
    }
    write_table(joined_heads(tables), snakemake.output[0])
