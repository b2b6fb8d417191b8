"""Rule compare_contact_maps: difference between two maps of one genome, observed and predicted."""

from cisflow.evaluation.contact_differences import difference_table
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    given, settings, names = snakemake.input, snakemake.params.settings, snakemake.wildcards
    first, second = (dict(zip(settings[side], given[side], strict=True)) for side in ("first", "second"))
    drawn = (settings["draws"], settings["seed"], (names.map, names.other), settings["max_missing"])
    write_table(difference_table(first, second, *drawn), snakemake.output[0])
