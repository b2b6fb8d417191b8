"""Rule predict_profiles: predict the test peaks of one chromosome fold with all replicates of a model."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.files import write_arrays
from cisflow.joblog import job
from cisflow.models.profiles.predict import predict_test_peaks
from cisflow.models.profiles.train import ProfileFiles

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    bundles = [Path(weights).parent for weights in given.weights]
    found = predict_test_peaks(
        dict(zip(settings["replicates"], bundles, strict=True)),
        ProfileFiles(given.regions, given.sequences, given.counts),
        settings["fold"],
        f"{snakemake.wildcards.model} fold {snakemake.wildcards.fold}",
        choose_device(settings["device"]),
        settings["threads"],
    )
    write_arrays(found, snakemake.output[0])
