"""Rule plot_screen: effects that the models of a screen found, and the strongest of them."""

import pandas as pd

from cisflow.figures.contact_screens import plot_disruptions, plot_insertions
from cisflow.files import read_table, write_table
from cisflow.joblog import job
from cisflow.variants.screen_summary import active_sequences, strongest_sites

with job(snakemake):
    given, output, name = snakemake.input, snakemake.output, snakemake.wildcards.screen
    tables = [read_table(path) for path in given.tables]
    table = pd.concat([part for part in tables if len(part)] or tables[:1], ignore_index=True)
    if snakemake.params.settings["kind"] == "disruption":
        plot_disruptions(table, output.svg, name, given.peaks)
        write_table(strongest_sites(table), output.strongest)
    else:
        plot_insertions(table, output.svg, name)
        write_table(active_sequences(table), output.strongest)
