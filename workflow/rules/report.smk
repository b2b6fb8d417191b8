rule record_settings:
    output:
        "results/{run}/settings.yaml",
    log:
        "logs/{run}/report/settings.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("record_settings.py"),
        config=config,
    message:
        "Record the settings of run {wildcards.run}"
    script:
        "../../scripts/record_settings.py"


rule report:
    input:
        settings="results/{run}/settings.yaml",
        figures=figures(),
        funnels=funnels(),
        verdicts=collect("results/{{run}}/quality/{library}.verdict.tsv", library=study.libraries),
        diagnoses=[f"results/{config['run']}/quality/{name}.{model}.verdict.tsv" for name, model in diagnosed()],
        map_verdicts=collect("results/{{run}}/quality/{map}.verdict.tsv", map=study.maps),
        rankings=collect("results/{{run}}/evaluation/{dataset}/ranking.tsv", dataset=filter(ranked, study.datasets)),
        scores=collect("results/{{run}}/evaluation/{dataset}/scores.tsv", dataset=filter(ranked, study.datasets)),
        contact_summaries=collect("results/{{run}}/evaluation/{view}/contact_summary.tsv", view=study.views()),
        contact_akita=collect("results/{{run}}/evaluation/{view}/akita_comparison.tsv", view=study.views()),
        contact_differences=[
            f"results/{config['run']}/evaluation/{first}/contact_differences.{second}.tsv"
            for first, second in study.compared_maps()
        ],
        contact_rankings=collect("results/{{run}}/evaluation/{view}/contact_ranking.tsv", view=study.views()),
        contact_comparisons=collect("results/{{run}}/evaluation/{view}/contact_comparisons.tsv", view=study.views()),
        sources=[f"results/{config['run']}/sources/{name}.json" for name in study.public_files()],
        leakage=[f"results/{config['run']}/{of_dataset(dataset)}leakage.tsv" for dataset in study.datasets],
        fold_summaries=collect("results/{{run}}/cross_validation/{dataset}/summary.tsv", dataset=cross_validated()),
        fold_comparisons=collect(
            "results/{{run}}/cross_validation/{dataset}/comparisons.tsv", dataset=cross_validated()
        ),
        profile_summaries=collect("results/{{run}}/profiles/{assay}/summary.tsv", assay=profiled()),
        profile_comparisons=collect("results/{{run}}/profiles/{assay}/comparisons.tsv", assay=profiled()),
        variant_statuses=collect("results/{{run}}/variants/{name}/statuses.tsv", name=study.variants),
        screen_strongest=collect("results/{{run}}/screens/{name}/strongest.tsv", name=study.screens),
        design_funnels=collect("results/{{run}}/designs/{design}/funnel.tsv", design=study.designs),
        manifests=bundle_files("manifest.json") + profile_manifests(),
        recipes=bundle_files("recipe.yaml"),
    output:
        report(
            "results/{run}/report.html",
            caption="../report/report.rst",
            category="Summary",
            labels={"content": "the whole run on one page"},
        ),
    log:
        "logs/{run}/report/report.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("build_report.py"),
        results=lambda wildcards: f"results/{wildcards.run}",
        lists=[
            "figures",
            "funnels",
            "verdicts",
            "map_verdicts",
            "diagnoses",
            "rankings",
            "scores",
            "contact_summaries",
            "leakage",
        ]
        + [
            "sources",
            "contact_akita",
            "contact_differences",
            "contact_rankings",
            "contact_comparisons",
            "fold_summaries",
            "fold_comparisons",
            "profile_summaries",
            "profile_comparisons",
            "design_funnels",
            "variant_statuses",
            "screen_strongest",
            "manifests",
            "recipes",
        ],
        packages=["numpy", "scipy", "pandas", "polars", "matplotlib", "snakemake"],
    message:
        "Write the report of run {wildcards.run}"
    script:
        "../../scripts/build_report.py"


rule record_run:
    input:
        results(),
    output:
        "results/{run}/manifest.json",
    log:
        "logs/{run}/report/manifest.log",
    conda:
        "../../envs/table.yaml"
    threads: up_to_half_the_cores(4)
    resources:
        mem_mb=500,
        runtime=60,
    params:
        code=code("record_run.py"),
        settings={"seed": config["seed"]},
        command=lambda wildcards: f"logs/{wildcards.run}/command.json",
        packages=["numpy", "scipy", "pandas", "polars", "matplotlib", "snakemake"],
    message:
        "Record the hashes of the files of run {wildcards.run}"
    script:
        "../../scripts/record_run.py"
