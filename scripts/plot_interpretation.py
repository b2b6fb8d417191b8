"""Rule plot_interpretation: mutagenesis of a sequence by all models of a dataset, and the agreement of the models."""

from cisflow.figures.interpretation import save_interpretation
from cisflow.files import read_table
from cisflow.interpret.effects import effects_of, first_sequence
from cisflow.joblog import job

with job(snakemake):
    given, out = snakemake.input, snakemake.output
    drawn = first_sequence(given.effects)
    variants = read_table(given.variants, dtype={"id": str})
    save_interpretation(
        effects_of(given.effects, drawn),
        variants[variants["id"] == drawn],
        read_table(given.agreement),
        (out.svg, out.agreement_svg),
        snakemake.wildcards.dataset,
        read_table(given.checks),
    )
