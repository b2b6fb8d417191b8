"""Rule report: one self-contained page from the figures and tables of the run."""

from cisflow.joblog import job
from cisflow.provenance import versions
from cisflow.report.build import ReportInput, build_report

with job(snakemake):
    given = {name: list(snakemake.input.get(name, [])) for name in snakemake.params.lists}
    build_report(
        ReportInput(settings=snakemake.input.settings, **given),
        results=snakemake.params.results,
        output=snakemake.output[0],
        versions=versions(*snakemake.params.packages),
    )
