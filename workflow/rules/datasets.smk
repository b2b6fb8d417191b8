rule build_dataset:
    input:
        unpack(dataset_input),
    output:
        dataset="results/{run}/datasets/{dataset}.parquet",
        leakage="results/{run}/datasets/{dataset}.leakage.tsv",
        funnel="results/{run}/datasets/{dataset}.funnel.tsv",
    log:
        "logs/{run}/datasets/{dataset}.build_dataset.log",
    benchmark:
        "logs/{run}/benchmarks/datasets/{dataset}.build_dataset.tsv"
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: max(4000, int(15 * input.size_mb)) * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("build_dataset.py"),
        settings=lambda wildcards: {
            "split": {"dataset": wildcards.dataset, "seed": config["seed"], **config["split"], **SPLIT_RULES},
            "layout": table_layout(study.datasets[wildcards.dataset]),
        },
    message:
        "Build and split dataset {wildcards.dataset}"
    script:
        "../../scripts/build_dataset.py"


rule plot_split:
    input:
        dataset="results/{run}/datasets/{dataset}.parquet",
        leakage="results/{run}/datasets/{dataset}.leakage.tsv",
    output:
        svg=report(
            "results/{run}/figures/datasets/{dataset}.split.svg",
            caption="../report/split.rst",
            category="Datasets",
            labels={"dataset": "{dataset}", "figure": "split"},
        ),
        others=multiext("results/{run}/figures/datasets/{dataset}.split", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/datasets/{dataset}.plot_split.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_split.py"),
        settings=lambda wildcards: {
            **{key: SPLIT_RULES[key] for key in ("max_distance", "homology_score")},
            "own_test": bool(
                study.datasets[wildcards.dataset]["test_library"] or study.datasets[wildcards.dataset]["test_table"]
            ),
        },
    message:
        "Draw the split of dataset {wildcards.dataset}"
    script:
        "../../scripts/plot_split.py"


rule measure_test_ceiling:
    input:
        unpack(ceiling_input),
    output:
        "results/{run}/datasets/{dataset}.ceiling.tsv",
    log:
        "logs/{run}/datasets/{dataset}.ceiling.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("measure_test_ceiling.py"),
        settings={"seed": config["seed"]},
    message:
        "Measure how well a perfect model could score on the test rows of {wildcards.dataset}"
    script:
        "../../scripts/measure_test_ceiling.py"
