"""Rule predict_variants: what one model says of a set of variants, or of a part of them."""

from pathlib import Path

from cisflow.devices import choose_device
from cisflow.joblog import job
from cisflow.training.numerics import reproducible_numerics

with job(snakemake):
    given, settings, output = snakemake.input, snakemake.params.settings, snakemake.output[0]
    folders = [Path(weights).parent for weights in given.weights]
    with reproducible_numerics(settings["threads"]):
        device = choose_device(settings["device"])
        shard, state = tuple(settings["shard"]), snakemake.params.state
        if settings["task"] == "contacts":
            from cisflow.variants.contact_run import Changes, ContactInput, run_contact_variants

            expected = {settings["model"]: given.expected}
            shown = ContactInput(given.genome, {settings["model"]: folders}, expected, settings["padding"])
            run_contact_variants(
                shown, Changes(vcf=given.vcf, rename=given.get("rename")), output, state, device, shard=shard
            )
        else:
            from cisflow.variants.expression_run import Shown, run_expression_variants

            files = {name: given.get(name) for name in ("constructs", "intervals", "genome", "rename")}
            shown = Shown(**files, ends=settings["ends"])
            run_expression_variants({settings["model"]: folders}, given.vcf, shown, output, state, device, shard=shard)
