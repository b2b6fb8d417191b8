# One job per library reads everything that is known of it and draws all panels: starting a job costs more than drawing.
QUALITY_PANELS = ["bins", "ranks", "saturation", "profiles", "expression"]


rule assess_quality:
    input:
        unpack(quality_input),
    output:
        page=report(
            "results/{run}/quality/{library}.html",
            caption="../report/quality.rst",
            category="Quality",
            labels={"library": "{library}", "content": "quality report"},
        ),
        verdict="results/{run}/quality/{library}.verdict.tsv",
        figures=expand("results/{{run}}/figures/quality/{{library}}.{panel}.svg", panel=QUALITY_PANELS),
        others=expand(
            "results/{{run}}/figures/quality/{{library}}.{panel}.{suffix}",
            panel=QUALITY_PANELS,
            suffix=["png", "tsv", "json"],
        ),
    log:
        "logs/{run}/quality/{library}.log",
    benchmark:
        "logs/{run}/benchmarks/assess_quality/{library}.tsv"
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("assess_quality.py"),
        settings=lambda wildcards: {
            "methods": study.methods(wildcards.library),
            "estimate": estimate_settings(wildcards),
            "seed": config["seed"],
        },
    message:
        "Assess the quality of library {wildcards.library}"
    script:
        "../../scripts/assess_quality.py"
