"""Rule evaluate_contact_models: score the models of a contact map on its test windows, rank and compare them."""

from cisflow.evaluation.contact_predictions import each_model
from cisflow.evaluation.contact_ranking import rank_contact_models
from cisflow.evaluation.contact_sums import sum_models
from cisflow.evaluation.contacts import akita_table, chromosome_table, score_table, summary_table
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    settings, output = snakemake.params.settings, snakemake.output
    sums = sum_models(each_model(dict(zip(settings["models"], snakemake.input, strict=True))))
    drawn = (settings["draws"], settings["seed"], snakemake.wildcards.map)
    write_table(score_table(sums), output.scores)
    write_table(summary_table(sums, *drawn), output.summary)
    write_table(chromosome_table(sums, *drawn), output.chromosomes)
    write_table(akita_table(sums, *drawn), output.akita)
    ranks = rank_contact_models(sums, *drawn)
    for name in ("bootstrap", "ranking", "distribution", "comparisons"):
        write_table(getattr(ranks, name), output[name])
