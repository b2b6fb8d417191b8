# Flanks that are cut off the reads and have to be cut off the true sequences too.
CUT_FLANKS = {
    name: "" if config["reads"]["keep_flanks"] else getattr(STRUCTURE, name)
    for name in ("distal_flank", "proximal_flank")
}


rule estimate_expression:
    input:
        counts="results/{run}/clusters/{library}.counts.parquet",
        bins=simulated_bins,
    output:
        parquet="results/{run}/expression/{library}.{method}.parquet",
        tsv="results/{run}/expression/{library}.{method}.tsv",
        funnel="results/{run}/expression/{library}.{method}.funnel.tsv",
    log:
        "logs/{run}/expression/{library}.{method}.log",
    benchmark:
        "logs/{run}/benchmarks/estimate_expression.{library}.{method}.tsv"
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("estimate_expression.py"),
        settings=estimate_settings,
    message:
        "Estimate the expression of library {wildcards.library} by {wildcards.method}"
    script:
        "../../scripts/estimate_expression.py"


rule plot_expression:
    input:
        "results/{run}/expression/{library}.{method}.parquet",
    output:
        svg=report(
            "results/{run}/figures/expression/{library}.{method}.distribution.svg",
            caption="../report/expression_distribution.rst",
            category="Expression",
            labels={"library": "{library}", "method": "{method}", "figure": "distribution"},
        ),
        others=multiext("results/{run}/figures/expression/{library}.{method}.distribution", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/expression/{library}.{method}.distribution.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_expression.py"),
    message:
        "Plot the expression of library {wildcards.library} ({wildcards.method})"
    script:
        "../../scripts/plot_expression.py"


rule plot_recovery:
    input:
        expression="results/{run}/expression/{library}.{method}.parquet",
        truth="results/{run}/simulated/{library}.truth.parquet",
    output:
        svg=report(
            "results/{run}/figures/expression/{library}.{method}.recovery.svg",
            caption="../report/expression_recovery.rst",
            category="Expression",
            labels={"library": "{library}", "method": "{method}", "figure": "recovery of the truth"},
        ),
        others=multiext("results/{run}/figures/expression/{library}.{method}.recovery", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/expression/{library}.{method}.recovery.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_recovery.py"),
        settings=CUT_FLANKS,
    message:
        "Plot estimates against the truth of library {wildcards.library} ({wildcards.method})"
    script:
        "../../scripts/plot_recovery.py"


rule plot_calibration:
    input:
        counts="results/{run}/clusters/{library}.counts.parquet",
        truth="results/{run}/simulated/{library}.truth.parquet",
        bins="results/{run}/simulated/{library}.bins.tsv",
    output:
        svg=report(
            "results/{run}/figures/expression/{library}.{method}.calibration.svg",
            caption="../report/expression_calibration.rst",
            category="Expression",
            labels={"library": "{library}", "method": "{method}", "figure": "calibration of the intervals"},
        ),
        others=multiext("results/{run}/figures/expression/{library}.{method}.calibration", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/expression/{library}.{method}.calibration.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_calibration.py"),
        settings=lambda wildcards: {**estimate_settings(wildcards), **CUT_FLANKS},
    message:
        "Plot how often the intervals of library {wildcards.library} hold what they should ({wildcards.method})"
    script:
        "../../scripts/plot_calibration.py"


# Replicates have the tables of a library under the name of their sample.
rule combine_replicates:
    input:
        lambda wildcards: [
            f"results/{wildcards.run}/expression/{library}.{wildcards.method}.parquet"
            for library in study.samples[wildcards.sample]
        ],
    output:
        parquet="results/{run}/expression/{sample}.{method}.parquet",
        tsv="results/{run}/expression/{sample}.{method}.tsv",
        concordance="results/{run}/expression/{sample}.{method}.concordance.tsv",
    log:
        "logs/{run}/expression/{sample}.{method}.combine.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("combine_replicates.py"),
        settings=lambda wildcards: {
            "libraries": study.samples[wildcards.sample],
            "kind": study.libraries[study.samples[wildcards.sample][0]]["kind"],
            "interval": config["estimate"]["interval"],
            "seed": config["seed"],
        },
    message:
        "Combine the replicates of sample {wildcards.sample} ({wildcards.method})"
    script:
        "../../scripts/combine_replicates.py"


rule plot_concordance:
    input:
        expression="results/{run}/expression/{sample}.{method}.parquet",
        concordance="results/{run}/expression/{sample}.{method}.concordance.tsv",
    output:
        svg=report(
            "results/{run}/figures/expression/{sample}.{method}.concordance.svg",
            caption="../report/expression_concordance.rst",
            category="Expression",
            labels={"library": "{sample}", "method": "{method}", "figure": "concordance of replicates"},
        ),
        others=multiext("results/{run}/figures/expression/{sample}.{method}.concordance", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/expression/{sample}.{method}.concordance.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_concordance.py"),
    message:
        "Plot the replicates of sample {wildcards.sample} against each other ({wildcards.method})"
    script:
        "../../scripts/plot_concordance.py"


rule measure_ceiling:
    input:
        "results/{run}/expression/{estimated}.{method}.parquet",
    output:
        "results/{run}/expression/{estimated}.{method}.ceiling.tsv",
    log:
        "logs/{run}/expression/{estimated}.{method}.ceiling.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("measure_ceiling.py"),
        settings={"seed": config["seed"]},
    message:
        "Measure how well a perfect model could do on {wildcards.estimated} ({wildcards.method})"
    script:
        "../../scripts/measure_ceiling.py"
