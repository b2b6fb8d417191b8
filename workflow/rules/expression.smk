rule estimate_expression:
    input:
        "results/{run}/clusters/{library}.counts.parquet",
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
        settings=lambda wildcards: {
            **config["estimate"],
            "bins": [
                {key: row[key] for key in ("bin", "role", "position", "lower_quantile", "upper_quantile", "cells")}
                for row in study.bins[wildcards.library]
            ],
        },
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
        settings={
            name: "" if config["reads"]["keep_flanks"] else getattr(STRUCTURE, name)
            for name in ("distal_flank", "proximal_flank")
        },
    message:
        "Plot estimates against the truth of library {wildcards.library} ({wildcards.method})"
    script:
        "../../scripts/plot_recovery.py"
