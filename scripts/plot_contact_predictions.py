"""Rules plot_contact_predictions, plot_contact_ladder: predicted maps of some windows, or all levels of one."""

from cisflow.contacts.regions import parse_region
from cisflow.evaluation.contact_predictions import read_predictions
from cisflow.evaluation.contact_windows import chosen_windows
from cisflow.figures.contact_ladders import plot_ladder, plot_predicted_maps
from cisflow.figures.contact_tracks import Tracks
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, settings, name = snakemake.input, snakemake.params.settings, snakemake.wildcards.view
    predictions = read_predictions(
        dict(zip(settings["models"], given.predictions, strict=True)), settings["max_missing"]
    )
    scores, first = read_table(given.scores), settings["models"][0]
    regions = [parse_region(text) for text in settings["regions"]]
    chosen = chosen_windows(scores, predictions[first], first, regions)
    tracks = Tracks(next(iter(given.get("genes", [])), None), given.get("peaks", []), given.get("signals", []))
    drawn = (tracks, name, snakemake.output.svg, settings["limits"])
    window = settings["window"]
    if window is None:
        plot_predicted_maps(predictions, scores, chosen, *drawn)
    else:
        plot_ladder(predictions, scores, window, chosen[window], *drawn)
