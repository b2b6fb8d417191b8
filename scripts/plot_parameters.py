"""Rule plot_parameters: both total scores against the number of parameters, for one head."""

from cisflow.evaluation.grid import read_parameters, scores_of_models
from cisflow.evaluation.heads import of_head
from cisflow.figures.parameters import parameters_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.models.prix_fixe import Cell

with job(snakemake):
    settings = snakemake.params.settings
    cells = {model: Cell(**parts) for model, parts in settings["cells"].items()}
    scores = of_head(read_table(snakemake.input.scores), settings["head"])
    parameters = read_parameters(snakemake.input.manifests)
    models = scores_of_models(scores, {name: n for name, n in parameters.items() if name in set(scores["model"])})
    figure, table, caption = parameters_figure(models, cells)
    save_figure(figure, table, snakemake.output.svg, f"Parameters and scores, {settings['title']}", caption)
