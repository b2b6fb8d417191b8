"""Rule plot_folds: scores of the models on the test folds, and the paired tests between them."""

from cisflow.figures.cross_validation import folds_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    tables = [read_table(snakemake.input[name]) for name in ("scores", "summary", "comparisons")]
    figure, table, caption = folds_figure(*tables, snakemake.params.settings["labels"])
    title = f"Cross-validation of dataset {snakemake.wildcards.dataset}"
    save_figure(figure, table, snakemake.output.svg, title, caption)
