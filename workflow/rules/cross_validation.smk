# Nested cross-validation: each test fold is predicted by the mean of the models trained on the other folds, one for
# each validation fold.
rule build_folds:
    input:
        unpack(fold_tables),
    output:
        folds="results/{run}/cross_validation/{dataset}/folds.parquet",
        leakage="results/{run}/cross_validation/{dataset}/leakage.tsv",
        funnel="results/{run}/cross_validation/{dataset}/funnel.tsv",
    log:
        "logs/{run}/cross_validation/{dataset}.build_folds.log",
    benchmark:
        "logs/{run}/benchmarks/cross_validation/{dataset}.build_folds.tsv"
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: max(4000, int(15 * input.size_mb)) * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("build_folds.py"),
        settings=lambda wildcards: {
            "dataset": wildcards.dataset,
            "seed": config["seed"],
            "layout": table_layout(study.datasets[wildcards.dataset]),
            "folds": study.folds(wildcards.dataset),
            "given": bool(
                study.datasets[wildcards.dataset]["fold_column"] or study.datasets[wildcards.dataset]["fold_pattern"]
            ),
            "inner_folds": study.datasets[wildcards.dataset]["inner_folds"],
            **SPLIT_RULES,
        },
    message:
        "Divide dataset {wildcards.dataset} into folds"
    script:
        "../../scripts/build_folds.py"


rule train_folds:
    input:
        folds="results/{run}/cross_validation/{dataset}/folds.parquet",
    output:
        directory("results/{run}/cross_validation/{dataset}/test{test}/{model}/part{part}"),
    log:
        "logs/{run}/cross_validation/{dataset}.test{test}.{model}.part{part}.log",
    benchmark:
        "logs/{run}/benchmarks/train_folds.{dataset}.test{test}.{model}.part{part}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: config["training"]["threads"] * training_processes(wildcards)
    resources:
        mem_mb=lambda wildcards, input: training_processes(wildcards) * (3000 + int(20 * input.size_mb)),
        runtime=2880,
        gpu=lambda wildcards: gpus(training_processes(wildcards)),
    params:
        code=code("train_folds.py"),
        # Not an output: Snakemake removes outputs before a job starts again, and a killed training must continue.
        state="state/{run}/{dataset}/test{test}/{model}",
        settings=lambda wildcards: {
            "dataset": wildcards.dataset,
            "model": wildcards.model,
            "test": wildcards.test,
            "trainings": fold_parts(wildcards)[int(wildcards.part) - 1],
            "seed": config["seed"],
            "recipe": study.recipe(wildcards.model, wildcards.dataset),
            "device": config["device"],
            "training": TRAINING_SETTINGS,
        },
    message:
        "Train {wildcards.model} on {wildcards.dataset} for test fold {wildcards.test}, part {wildcards.part}"
    script:
        "../../scripts/train_folds.py"


rule predict_fold:
    input:
        folds="results/{run}/cross_validation/{dataset}/folds.parquet",
        parts=lambda wildcards: [
            f"results/{wildcards.run}/cross_validation/{wildcards.dataset}/test{wildcards.test}/{wildcards.model}/part{i}"
            for i, _ in enumerate(fold_parts(wildcards), 1)
        ],
    output:
        "results/{run}/cross_validation/{dataset}/test{test}/{model}.parquet",
    log:
        "logs/{run}/cross_validation/{dataset}.test{test}.{model}.predict_fold.log",
    benchmark:
        "logs/{run}/benchmarks/predict_fold.{dataset}.test{test}.{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(20 * input.size_mb),
        runtime=1440,
        gpu=gpus(1),
    params:
        code=code("predict_fold.py"),
        settings=lambda wildcards: {
            "trainings": fold_parts(wildcards),
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Predict test fold {wildcards.test} of {wildcards.dataset} with {wildcards.model}"
    script:
        "../../scripts/predict_fold.py"


rule score_folds:
    input:
        lambda wildcards: [
            f"results/{wildcards.run}/cross_validation/{wildcards.dataset}/test{test}/{model}.parquet"
            for model, test in models_and_folds(wildcards.dataset)
        ],
    output:
        scores="results/{run}/cross_validation/{dataset}/scores.tsv",
        summary=report(
            "results/{run}/cross_validation/{dataset}/summary.tsv",
            caption="../report/cross_validation.rst",
            category="Cross-validation",
            labels={"dataset": "{dataset}", "content": "mean scores"},
        ),
        comparisons="results/{run}/cross_validation/{dataset}/comparisons.tsv",
    log:
        "logs/{run}/cross_validation/{dataset}.score_folds.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("score_folds.py"),
        settings=lambda wildcards: {
            "models": [model for model, _ in models_and_folds(wildcards.dataset)],
            "folds": [test for _, test in models_and_folds(wildcards.dataset)],
        },
    message:
        "Score the models of {wildcards.dataset} on every test fold"
    script:
        "../../scripts/score_folds.py"


rule plot_benchmarks:
    input:
        scores=collect("results/{{run}}/cross_validation/{dataset}/scores.tsv", dataset=cross_validated()),
        summaries=collect("results/{{run}}/cross_validation/{dataset}/summary.tsv", dataset=cross_validated()),
        comparisons=collect("results/{{run}}/cross_validation/{dataset}/comparisons.tsv", dataset=cross_validated()),
        parts=lambda wildcards: [
            f"results/{wildcards.run}/cross_validation/{dataset}/test{study.folds(dataset)[0]}/{row['model']}/part1"
            for dataset in cross_validated()
            for row in study.models_of(dataset)
        ],
    output:
        svg=report(
            "results/{run}/figures/cross_validation/benchmarks.svg",
            caption="../report/benchmarks.rst",
            category="Cross-validation",
            labels={"dataset": "all", "content": "benchmarks side by side"},
        ),
        others=multiext("results/{run}/figures/cross_validation/benchmarks", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/cross_validation/plot_benchmarks.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_benchmarks.py"),
        settings={
            "labels": {dataset: measurement_labels(study.datasets[dataset]) for dataset in cross_validated()},
        },
    message:
        "Draw the cross-validated datasets side by side"
    script:
        "../../scripts/plot_benchmarks.py"


rule plot_folds:
    input:
        scores="results/{run}/cross_validation/{dataset}/scores.tsv",
        summary="results/{run}/cross_validation/{dataset}/summary.tsv",
        comparisons="results/{run}/cross_validation/{dataset}/comparisons.tsv",
    output:
        svg=report(
            "results/{run}/figures/cross_validation/{dataset}.folds.svg",
            caption="../report/cross_validation.rst",
            category="Cross-validation",
            labels={"dataset": "{dataset}", "content": "scores per fold and paired tests"},
        ),
        others=multiext("results/{run}/figures/cross_validation/{dataset}.folds", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/cross_validation/{dataset}.plot_folds.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_folds.py"),
        settings=lambda wildcards: {"labels": measurement_labels(study.datasets[wildcards.dataset])},
    message:
        "Draw the cross-validation of {wildcards.dataset}"
    script:
        "../../scripts/plot_folds.py"
