"""Rule plot_parameters: both total scores against the number of parameters."""

from cisflow.evaluation.grid import read_parameters, scores_of_models
from cisflow.figures.parameters import parameters_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.models.prix_fixe import Cell

with job(snakemake):
    cells = {model: Cell(**parts) for model, parts in snakemake.params.settings["cells"].items()}
    models = scores_of_models(read_table(snakemake.input.scores), read_parameters(snakemake.input.manifests))
    figure, table, caption = parameters_figure(models, cells)
    save_figure(figure, table, snakemake.output.svg, f"Parameters and scores, {snakemake.wildcards.dataset}", caption)
