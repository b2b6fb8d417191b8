"""Rule export_contacts: predictions of a model, or what was observed, as coolers and arrays."""

import cooler

from cisflow.contacts.regions import parse_region
from cisflow.evaluation.contact_export import write_arrays, write_maps
from cisflow.evaluation.contact_predictions import read_predicted_maps
from cisflow.evaluation.contact_windows import all_windows, chosen_windows
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    given, settings, name = snakemake.input, snakemake.params.settings, snakemake.wildcards.exported
    found = read_predicted_maps(given.predictions[0], settings["max_missing"])
    if settings["export"] == "all":
        windows = all_windows(found)
    else:
        regions = [parse_region(text) for text in settings["regions"]]
        windows = chosen_windows(read_table(given.scores), found, settings["first_model"], regions)
    lengths = cooler.Cooler(given.contacts).chromsizes.to_dict()
    observed, title = name == "observed", f"{snakemake.wildcards.view}, {name}"
    rows = list(dict.fromkeys(windows.values()))
    write_maps(snakemake.output.maps, found, rows, lengths, title, observed)
    write_arrays(snakemake.output.arrays, found, windows, observed)
