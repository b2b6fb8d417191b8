"""Rule plot_prix_fixe: heat maps of the Prix Fixe grid, and its trainers and blocks compared."""

from cisflow.datasets.columns import FIRST_HEAD
from cisflow.evaluation.grid import grid_table, read_parameters
from cisflow.evaluation.heads import of_head
from cisflow.figures.prix_fixe import grid_figure, parts_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.models.prix_fixe import Cell

with job(snakemake):
    cells = {model: Cell(**parts) for model, parts in snakemake.params.settings["cells"].items()}
    scores = of_head(read_table(snakemake.input.scores), FIRST_HEAD)
    grid = grid_table(cells, scores, read_parameters(snakemake.input.manifests))
    figure, table, caption = grid_figure(grid)
    save_figure(figure, table, snakemake.output.svg, f"Prix Fixe grid, {snakemake.wildcards.dataset}", caption)
    figure, table, caption = parts_figure(grid)
    title = f"Trainers and blocks compared, {snakemake.wildcards.dataset}"
    save_figure(figure, table, snakemake.output.parts_svg, title, caption)
