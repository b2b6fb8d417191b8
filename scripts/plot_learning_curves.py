"""Rules learning_curves and contact_learning_curves: the course of training of all models of a dataset or map."""

from cisflow.figures.models import plot_learning_curves
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    histories = {
        (model, seed): read_table(path)
        for (model, seed), path in zip(settings["bundles"], snakemake.input, strict=True)
    }
    loss = f"training loss ({', '.join(settings['losses'])})".replace("_", " ").replace(" ()", "")
    plot_learning_curves(
        histories,
        snakemake.output.svg,
        name=settings["name"],
        loss=loss,
        metric=settings["metric"],
        lines=settings.get("lines", "seeds"),
    )
