"""Rule prepare_assay: regions of an assay with their bases and counts."""

from cisflow.joblog import job
from cisflow.profiles.prepare import AssayFiles, Window, prepare_assay

with job(snakemake):
    given, settings = snakemake.input, dict(snakemake.params.settings)
    window = Window(**settings.pop("window"))
    files = AssayFiles(given.genome, given.track, given.peaks, given.get("nonpeaks") or None)
    prepare_assay(snakemake.wildcards.assay, files, dict(snakemake.output.items()), window, settings)
