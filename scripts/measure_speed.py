"""Rule measure_speed: time of a training step, and throughput at growing batches, of all networks of a dataset."""

from cisflow.devices import choose_device
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.models.speed import SpeedSettings, measure_speed

with job(snakemake):
    settings = snakemake.params.settings
    device = choose_device(settings["device"])
    repeats, summary = measure_speed(
        settings["recipes"], SpeedSettings(**settings["speed"]), device, settings["threads"]
    )
    write_table(repeats, snakemake.output.repeats)
    write_table(summary, snakemake.output.summary)
