"""Rule plot_profiles: observed and predicted profiles, counts, and scores of the models of an assay."""

from cisflow.evaluation.profile_tables import paths_by_fold
from cisflow.figures.profiles import example_profiles_figure, profile_counts_figure, profile_scores_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, output, assay = snakemake.input, snakemake.output, snakemake.wildcards.assay
    names = ("region_scores", "scores", "summary", "comparisons")
    # Names of folds and models may look like numbers.
    text = {"dtype": {"fold": str, "model": str}}
    regions, scores, summary, tests = (
        read_table(given[name], **({} if given[name].endswith(".parquet") else text)) for name in names
    )
    paths = paths_by_fold(snakemake.params.settings["predicted"], given.predictions)
    figures = {
        "examples": (example_profiles_figure(regions, summary, paths, given.counts, assay), "Predicted profiles"),
        "counts": (profile_counts_figure(regions, scores, summary, assay), "Predicted counts"),
        "scores": (profile_scores_figure(scores, summary, tests, assay), "Scores of profile models"),
    }
    for name, ((figure, table, caption), title) in figures.items():
        save_figure(figure, table, output[name], f"{title}, {assay}", caption)
