"""Rules screen_disruptions and screen_insertions: what one contact model says to a screen."""

from pathlib import Path

from cisflow.contacts.regions import Region
from cisflow.devices import choose_device
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.training.numerics import reproducible_numerics
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.disruption_screen import Disruption
from cisflow.variants.screen_input import read_regions
from cisflow.variants.screen_run import DisruptionScreen, InsertionScreen, run_screen, write_bedgraphs

with job(snakemake):
    given, settings, output = snakemake.input, snakemake.params.settings, snakemake.output
    folders, expected = [Path(weights).parent for weights in given.weights], {settings["model"]: given.expected}
    forward = settings["forward_only"]
    shown = ContactInput(given.genome, {settings["model"]: folders}, expected, forward_only=forward)
    regions = [Region(*one) for one in settings["regions"] or read_regions(given.regions)]
    disrupts = settings["kind"] == "disruption"
    rule = Disruption(**settings["rule"])
    screen = DisruptionScreen(regions, rule) if disrupts else InsertionScreen(regions, given.sequences)
    with reproducible_numerics(settings["threads"]):
        device = choose_device(settings["device"])
        run_screen(shown, screen, output.table, snakemake.params.state, device, given.get("exclude"))
    if disrupts:
        write_bedgraphs(read_table(output.table), Path(output.tracks))
