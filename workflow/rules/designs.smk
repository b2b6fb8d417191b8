rule design_library:
    input:
        unpack(design_input),
    output:
        order="results/{run}/designs/{design}/order.tsv",
        ordered="results/{run}/designs/{design}/ordered.tsv",
        subsets=directory("results/{run}/designs/{design}/subsets"),
        funnel="results/{run}/designs/{design}/funnel.tsv",
        history="results/{run}/designs/{design}/history.tsv",
    log:
        "logs/{run}/designs/{design}.design_library.log",
    benchmark:
        "logs/{run}/benchmarks/designs/{design}.design_library.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=4000,
        runtime=720,
        gpu=gpus(1),
    params:
        code=code("design_library.py"),
        settings=lambda wildcards: {
            "models": [model for model, _ in designing_bundles(wildcards.design)],
            "design": read_design(
                study.designs[wildcards.design]["settings"] and study.path(study.designs[wildcards.design]["settings"])
            ),
            "seed": config["seed"],
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Design test library {wildcards.design}"
    script:
        "../../scripts/design_library.py"


rule plot_design:
    input:
        order="results/{run}/designs/{design}/order.tsv",
        history="results/{run}/designs/{design}/history.tsv",
    output:
        library=report(
            "results/{run}/figures/designs/{design}.library.svg",
            caption="../report/design_library.rst",
            category="Designed libraries",
            labels={"design": "{design}", "figure": "predictions by subset"},
        ),
        evolution=report(
            "results/{run}/figures/designs/{design}.evolution.svg",
            caption="../report/design_evolution.rst",
            category="Designed libraries",
            labels={"design": "{design}", "figure": "genetic algorithms"},
        ),
        others=[
            f"results/{{run}}/figures/designs/{{design}}.{name}{suffix}"
            for name in DESIGN_FIGURES
            for suffix in (".png", ".tsv", ".json")
        ],
    log:
        "logs/{run}/designs/{design}.plot_design.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_design.py"),
        settings=lambda wildcards: {"models": study.designers(wildcards.design)},
    message:
        "Draw design {wildcards.design}"
    script:
        "../../scripts/plot_design.py"
