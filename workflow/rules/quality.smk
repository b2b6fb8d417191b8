# One job per library reads everything that is known of it and draws all panels: starting a job costs more than drawing.
QUALITY_PANELS = ["bins", "ranks", "saturation", "profiles", "expression"]


def quality_input(wildcards):
    """What the quality report of a library is made of; reads and replicates where it has them."""
    run, library = f"results/{wildcards.run}", wildcards.library
    row = study.libraries[library]
    given = {
        "counts": f"{run}/clusters/{library}.counts.parquet",
        "estimates": [f"{run}/expression/{library}.{method}.parquet" for method in study.methods(library)],
    }
    if row["source"] != "counts":
        given["funnels"] = of_bins(".funnel.tsv")(wildcards)
        given["members"] = f"{run}/clusters/{library}.members.parquet"
        given["funnel_figure"] = f"{run}/figures/reads/{library}.funnel.svg"
    if row["source"] == "simulated":
        given["sorted_cells"] = simulated_bins(wildcards)
    if row["sample"]:
        given["concordance"] = [
            f"{run}/figures/expression/{row['sample']}.{method}.concordance.svg" for method in study.methods(library)
        ]
    return given


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
        },
    message:
        "Assess the quality of library {wildcards.library}"
    script:
        "../../scripts/assess_quality.py"
