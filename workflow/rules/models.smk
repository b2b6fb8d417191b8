# Datasets and maps are predicted by one job per model, or by several and joined; no prediction depends on their number.
PREDICTION_SHARDS = range(config["prediction"]["shards"])


rule train_expression_model:
    input:
        dataset="results/{run}/datasets/{dataset}.parquet",
    output:
        weights="results/{run}/models/{dataset}/{model}/seed{seed}/weights.safetensors",
        recipe="results/{run}/models/{dataset}/{model}/seed{seed}/recipe.yaml",
        history="results/{run}/models/{dataset}/{model}/seed{seed}/history.tsv",
        manifest="results/{run}/models/{dataset}/{model}/seed{seed}/manifest.json",
    log:
        "logs/{run}/models/{dataset}.{model}.seed{seed}.log",
    benchmark:
        "logs/{run}/benchmarks/train_expression_model.{dataset}.{model}.seed{seed}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: config["training"]["threads"] * training_processes(wildcards)
    resources:
        mem_mb=lambda wildcards, input: training_processes(wildcards) * (3000 + int(20 * input.size_mb)),
        runtime=2880,
        gpu=lambda wildcards: gpus(training_processes(wildcards)),
    params:
        code=code("train_expression_model.py"),
        # Not an output: Snakemake removes outputs before a job starts again, and a killed training must continue.
        state="state/{run}/{dataset}/{model}/seed{seed}",
        settings=lambda wildcards: {
            "dataset": wildcards.dataset,
            "model": wildcards.model,
            "replicate": int(wildcards.seed),
            "seed": config["seed"],
            "recipe": study.recipe(wildcards.model, wildcards.dataset),
            "device": config["device"],
            "training": TRAINING_SETTINGS,
        },
    message:
        "Train {wildcards.model} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../../scripts/train_expression_model.py"


if len(PREDICTION_SHARDS) == 1:

    rule predict_expression:
        input:
            dataset="results/{run}/datasets/{dataset}.parquet",
            weights=lambda wildcards: [
                f"{folder}/weights.safetensors" for folder in bundle_folders(wildcards, wildcards.model)
            ],
            manifests=lambda wildcards: [
                f"{folder}/manifest.json" for folder in bundle_folders(wildcards, wildcards.model)
            ],
        output:
            "results/{run}/predictions/{dataset}/{model}.parquet",
        log:
            "logs/{run}/models/{dataset}.{model}.predict.log",
        benchmark:
            "logs/{run}/benchmarks/predict_expression.{dataset}.{model}.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: config["training"]["threads"]
        resources:
            mem_mb=lambda wildcards, input: 3000 + int(20 * input.size_mb),
            runtime=1440,
            gpu=gpus(1),
        params:
            code=code("predict_expression.py"),
            settings=lambda wildcards: {
                "seeds": [
                    seed for model, seed in bundles(study.trained_on(wildcards.dataset)) if model == wildcards.model
                ],
                "device": config["device"],
                "threads": config["training"]["threads"],
            },
        message:
            "Predict dataset {wildcards.dataset} with {wildcards.model}"
        script:
            "../../scripts/predict_expression.py"

else:

    rule predict_shard:
        input:
            dataset="results/{run}/datasets/{dataset}.parquet",
            weights=lambda wildcards: [
                f"{folder}/weights.safetensors" for folder in bundle_folders(wildcards, wildcards.model)
            ],
            manifests=lambda wildcards: [
                f"{folder}/manifest.json" for folder in bundle_folders(wildcards, wildcards.model)
            ],
        output:
            temp("results/{run}/predictions/{dataset}/{model}.shard{shard}.parquet"),
        log:
            "logs/{run}/models/{dataset}.{model}.predict_shard{shard}.log",
        benchmark:
            "logs/{run}/benchmarks/predict_shard.{dataset}.{model}.{shard}.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: config["training"]["threads"]
        resources:
            mem_mb=lambda wildcards, input: 3000 + int(20 * input.size_mb),
            runtime=1440,
            gpu=gpus(1),
        params:
            code=code("predict_expression.py"),
            settings=lambda wildcards: {
                "seeds": [
                    seed for model, seed in bundles(study.trained_on(wildcards.dataset)) if model == wildcards.model
                ],
                "device": config["device"],
                "threads": config["training"]["threads"],
                "shards": len(PREDICTION_SHARDS),
            },
        message:
            "Predict dataset {wildcards.dataset} with {wildcards.model}, shard {wildcards.shard}"
        script:
            "../../scripts/predict_expression.py"

    rule join_predictions:
        input:
            [f"results/{{run}}/predictions/{{dataset}}/{{model}}.shard{shard}.parquet" for shard in PREDICTION_SHARDS],
        output:
            "results/{run}/predictions/{dataset}/{model}.parquet",
        log:
            "logs/{run}/models/{dataset}.{model}.join_predictions.log",
        conda:
            "../../envs/table.yaml"
        resources:
            mem_mb=lambda wildcards, input: 1000 + int(10 * input.size_mb),
            runtime=10,
        params:
            code=code("join_predictions.py"),
        message:
            "Join the predictions of dataset {wildcards.dataset} with {wildcards.model}"
        script:
            "../../scripts/join_predictions.py"


rule plot_learning_curves:
    input:
        lambda wildcards: [
            f"results/{wildcards.run}/models/{wildcards.dataset}/{model}/seed{seed}/history.tsv"
            for model, seed in bundles(wildcards.dataset)
        ],
    output:
        svg=report(
            "results/{run}/figures/models/{dataset}.learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Models",
            labels={"data": "{dataset}", "figure": "learning curves"},
        ),
        others=multiext("results/{run}/figures/models/{dataset}.learning_curves", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/models/{dataset}.learning_curves.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_learning_curves.py"),
        settings=lambda wildcards: {
            "name": wildcards.dataset,
            "bundles": bundles(wildcards.dataset),
            "losses": sorted(
                {
                    recipe["loss"]["name"]
                    for model, seed in bundles(wildcards.dataset)
                    for recipe in [study.recipe(model, wildcards.dataset)]
                    if "loss" in recipe
                }
            ),
            "metric": "validation Pearson r",
        },
    message:
        "Plot the learning curves of dataset {wildcards.dataset}"
    script:
        "../../scripts/plot_learning_curves.py"


# Needs no data and no trained weights: time depends on the shape of network and input alone. It asks for all cores so
# that nothing runs beside it; torch gets as many threads as a training job.
rule measure_speed:
    output:
        repeats="results/{run}/models/{trained}.speed_repeats.tsv",
        summary="results/{run}/models/{trained}.speed.tsv",
    log:
        "logs/{run}/models/{trained}.measure_speed.log",
    conda:
        "../../envs/torch.yaml"
    threads: workflow.resource_settings.cores or config["training"]["threads"]
    resources:
        mem_mb=3000 + int(1000 * config["speed"]["max_memory_gb"]),
        runtime=720,
        gpu=gpus(1),
    params:
        code=code("measure_speed.py"),
        settings=lambda wildcards: {
            "recipes": networks(wildcards.trained),
            "speed": {key: value for key, value in config["speed"].items() if key != "measure"},
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Measure training steps and throughput of the networks of {wildcards.trained}"
    script:
        "../../scripts/measure_speed.py"


rule plot_speed:
    input:
        repeats="results/{run}/models/{trained}.speed_repeats.tsv",
        summary="results/{run}/models/{trained}.speed.tsv",
    output:
        svg=report(
            "results/{run}/figures/models/{trained}.speed.svg",
            caption="../report/speed.rst",
            category="Models",
            labels={"data": "{trained}", "figure": "speed"},
        ),
        others=multiext("results/{run}/figures/models/{trained}.speed", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/models/{trained}.plot_speed.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_speed.py"),
    message:
        "Plot training steps and throughput of the networks of {wildcards.trained}"
    script:
        "../../scripts/plot_speed.py"
