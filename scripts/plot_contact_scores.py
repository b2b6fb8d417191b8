"""Rule plot_contact_scores: scores of contact models by window, chromosome and level, and what lies behind them."""

from cisflow.figures.contact_profiles import density_figure, distance_figure
from cisflow.figures.contact_scores import level_scores_figure, window_scores_figure
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    names = ("scores", "summary", "chromosomes", "density", "distance")
    scores, summary, chromosomes, density, distance = (read_table(snakemake.input[name]) for name in names)
    drawn = {
        "windows": ("Contact scores", window_scores_figure(scores, summary)),
        "levels": ("Correlation by chromosome and level", level_scores_figure(summary, chromosomes)),
        "density": ("Predicted against observed contacts", density_figure(density, summary)),
        "distance": ("Contacts by distance", distance_figure(distance)),
    }
    for name, (title, (figure, table, caption)) in drawn.items():
        save_figure(figure, table, snakemake.output[name], f"{title}, {snakemake.wildcards.view}", caption)
