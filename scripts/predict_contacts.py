"""Rules predict_contacts and predict_contact_shard: test windows of a contact map with all replicates of a model."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.joblog import job
from cisflow.models.contact_predict import predict_windows, write_predictions
from cisflow.models.contact_train import ContactFiles

with job(snakemake):
    given, settings = snakemake.input, snakemake.params.settings
    bundles = [Path(manifest).parent for manifest in given.manifests]
    found = predict_windows(
        dict(zip(settings["replicates"], bundles, strict=True)),
        ContactFiles(given.contacts, given.expected, given.genome),
        settings["test_chromosomes"],
        snakemake.wildcards.model,
        choose_device(settings["device"]),
        settings["threads"],
        settings["seed"],
        (int(snakemake.wildcards.get("shard", 0)), settings.get("shards", 1)),
        settings["evaluation"],
    )
    write_predictions(found, snakemake.output[0])
