# The read check: a look at the first reads of every file before the real work. With reads.check_reads: 0 there is none.
rule check_reads:
    input:
        unpack(library_fastq),
    output:
        table="results/{run}/reads/{library}.check.tsv",
        histogram="results/{run}/reads/{library}.check_histogram.tsv",
    log:
        "logs/{run}/reads/{library}.check_reads.log",
    benchmark:
        "logs/{run}/benchmarks/check_reads/{library}.tsv"
    wildcard_constraints:
        library=one_of(libraries_with(source=["simulated", "fastq"])),
    conda:
        "../../envs/reads.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        code=code("check_reads.py"),
        settings=lambda wildcards: {
            "lanes": library_lanes(wildcards),
            "reads": READ_RULES,
            "most": config["reads"]["check_reads"],
        },
    message:
        "Check the first reads of library {wildcards.library}"
    script:
        "../../scripts/check_reads.py"


rule plot_read_check:
    input:
        table="results/{run}/reads/{library}.check.tsv",
        histogram="results/{run}/reads/{library}.check_histogram.tsv",
    output:
        svg=report(
            "results/{run}/figures/reads/{library}.check.svg",
            caption="../report/read_check.rst",
            category="Reads",
            labels={"library": "{library}", "figure": "read check"},
        ),
        others=multiext("results/{run}/figures/reads/{library}.check", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/reads/{library}.plot_read_check.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("plot_read_check.py"),
        settings={
            "overlap": [
                config["reads"]["expected_overlap"] - config["reads"]["overlap_tolerance"],
                config["reads"]["expected_overlap"] + config["reads"]["overlap_tolerance"],
            ],
            "variable": [STRUCTURE.min_variable_length, STRUCTURE.max_variable_length],
        },
    message:
        "Draw the read check of library {wildcards.library}"
    script:
        "../../scripts/plot_read_check.py"
