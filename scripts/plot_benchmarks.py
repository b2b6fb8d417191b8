"""Rule plot_benchmarks: all cross-validated datasets side by side, and the size of their models."""

from cisflow.figures.benchmarks import benchmarks_figure, benchmarks_of, read_sizes
from cisflow.figures.style import save_figure
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    files = zip(*(snakemake.input[name] for name in ("scores", "summaries", "comparisons")), strict=True)
    benchmarks = [
        benchmark
        for (dataset, labels), paths in zip(snakemake.params.settings["labels"].items(), files, strict=True)
        for benchmark in benchmarks_of(dataset, *map(read_table, paths), labels)
    ]
    figure, table, caption = benchmarks_figure(benchmarks, read_sizes(snakemake.input.parts))
    save_figure(figure, table, snakemake.output.svg, "Benchmarks side by side", caption)
