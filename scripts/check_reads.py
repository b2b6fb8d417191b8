"""Rule check_reads: look at the first reads of every file of a library, and stop when the settings will not work."""

from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.problems import InputError
from cisflow.reads.check import Lane, check_reads
from cisflow.reads.count import ReadSettings

with job(snakemake):
    settings = snakemake.params.settings
    second = iter(snakemake.input.get("read2", []))
    lanes = [
        Lane(lane["bin"], lane["lane"], read1, next(second) if lane["paired"] else "", lane["barcode"])
        for lane, read1 in zip(settings["lanes"], snakemake.input.read1, strict=True)
    ]
    checked = check_reads(lanes, ReadSettings(**settings["reads"]), settings["most"], snakemake.wildcards.library)
    if checked.problems:
        raise InputError(checked.problems)
    write_table(checked.table, snakemake.output.table)
    write_table(checked.histogram, snakemake.output.histogram)
