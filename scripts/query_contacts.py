"""Rule query_contacts: contact maps that one model predicts of the regions or sequences of a query."""

from pathlib import Path

from cisflow.contacts.regions import Region
from cisflow.devices import choose_device
from cisflow.figures.contact_tracks import Tracks
from cisflow.figures.query_maps import plot_region_maps
from cisflow.joblog import job
from cisflow.training.numerics import reproducible_numerics
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.region_maps import predict_asked, write_region_maps

with job(snakemake):
    given, settings, output = snakemake.input, snakemake.params.settings, snakemake.output
    model, sequences = snakemake.wildcards.model, given.get("sequences")
    folders = [Path(weights).parent for weights in given.weights]
    shown = ContactInput(sequences or given.genome, {model: folders}, {model: given.expected})
    listed = [Region(*one) for one in settings["regions"] or ()]
    with reproducible_numerics(settings["threads"]):
        found, regions, lengths = predict_asked(
            shown, listed or given.get("intervals"), sequences, choose_device(settings["device"])
        )
    for path in (output.maps, output.arrays):
        write_region_maps(path, found, regions, lengths, f"predicted by {model}")
    tracks = Tracks(peaks=given.get("peaks", []) if sequences is None else [])
    plot_region_maps(found, regions, tracks, model, snakemake.wildcards.query, output.svg)
