"""Rule plot_variant_ladder: maps of the variant of a set with the largest impact, at all levels."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.figures.variant_ladders import plot_nothing, plot_variant_ladders
from cisflow.files import read_table
from cisflow.joblog import job
from cisflow.training.numerics import reproducible_numerics
from cisflow.variants.contact_run import Changes, ContactInput
from cisflow.variants.look_again import look_again, strongest

with job(snakemake):
    given, settings, svg = snakemake.input, snakemake.params.settings, snakemake.output.svg
    item = strongest(read_table(given.effects), settings["model"])
    if item is None:
        plot_nothing(svg, snakemake.wildcards.variants)
    else:
        folders, expected = [Path(weights).parent for weights in given.weights], {settings["model"]: given.expected}
        shown = ContactInput(given.genome, {settings["model"]: folders}, expected, settings["padding"])
        with reproducible_numerics(settings["threads"]):
            ladders = look_again(
                shown, Changes(vcf=given.vcf, rename=given.get("rename")), item, choose_device(settings["device"])
            )
        plot_variant_ladders(ladders, svg)
