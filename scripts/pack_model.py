"""Rule pack_model: a trained model with its card and scores, for others."""

from pathlib import Path

from cisflow.files import write_text
from cisflow.joblog import job
from cisflow.models.card import export_bundle, model_card

with job(snakemake):
    folder, output = Path(snakemake.input.weights).parent, snakemake.output
    export_bundle(folder, output.archive)
    write_text(model_card(folder), output.card)
