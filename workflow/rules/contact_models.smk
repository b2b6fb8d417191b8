rule train_contact_model:
    input:
        contacts=map_of_model("map", "cool"),
        expected=map_of_model("expected", "npz"),
        genome=map_genome,
        peaks=map_peaks,
        exclude=map_exclude,
        start=start_bundle,
    output:
        weights="results/{run}/models/{map}/{model}/seed{seed}/weights.safetensors",
        recipe="results/{run}/models/{map}/{model}/seed{seed}/recipe.yaml",
        history="results/{run}/models/{map}/{model}/seed{seed}/history.tsv",
        manifest="results/{run}/models/{map}/{model}/seed{seed}/manifest.json",
    log:
        "logs/{run}/models/{map}.{model}.seed{seed}.log",
    benchmark:
        "logs/{run}/benchmarks/train_contact_model.{map}.{model}.seed{seed}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: contact_threads
    resources:
        mem_mb=contact_mb,
        runtime=2880,
        gpu=lambda wildcards: gpus(contact_processes(wildcards)),
    params:
        code=code("train_contact_model.py"),
        # Not an output: Snakemake removes outputs before a job starts again, and a killed training must continue.
        state="state/{run}/{map}/{model}/seed{seed}",
        # A bundle says what it is tested on, but a network does not depend on it.
        tested_on=lambda wildcards: unrecorded(evaluation=tested_windows(wildcards)),
        settings=lambda wildcards: {
            "recipe": learned_recipe(wildcards),
            "map": wildcards.map,
            "model": wildcards.model,
            "replicate": int(wildcards.seed),
            "seed": config["seed"],
            "validation_chromosomes": study.chromosomes(wildcards.map, "validation"),
            "test_chromosomes": study.chromosomes(wildcards.map, "test"),
            "device": config["device"],
            "training": TRAINING_SETTINGS,
        },
    message:
        "Train {wildcards.model} on map {wildcards.map}, seed {wildcards.seed}"
    script:
        "../../scripts/train_contact_model.py"


if len(PREDICTION_SHARDS) == 1:

    rule predict_contacts:
        input:
            contacts=map_of_model("map", "cool"),
            expected=map_of_model("expected", "npz"),
            genome=map_genome,
            weights=lambda wildcards: [
                f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/weights.safetensors"
                for model, seed in bundles(wildcards.map)
                if model == wildcards.model
            ],
            recipes=lambda wildcards: [
                f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/recipe.yaml"
                for model, seed in bundles(wildcards.map)
                if model == wildcards.model
            ],
            manifests=lambda wildcards: [
                f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/manifest.json"
                for model, seed in bundles(wildcards.map)
                if model == wildcards.model
            ],
        output:
            "results/{run}/predictions/{map}/{model}.contacts.npz",
        log:
            "logs/{run}/models/{map}.{model}.predictions.log",
        benchmark:
            "logs/{run}/benchmarks/predict_contacts.{map}.{model}.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: config["training"]["threads"]
        resources:
            mem_mb=8000,
            runtime=600,
            gpu=gpus(1),
        params:
            code=code("predict_contacts.py"),
            settings=lambda wildcards: {
                "replicates": [seed for model, seed in bundles(wildcards.map) if model == wildcards.model],
                "test_chromosomes": study.chromosomes(wildcards.map, "test"),
                "evaluation": tested_windows(wildcards),
                "device": config["device"],
                "threads": config["training"]["threads"],
                "seed": config["seed"],
            },
        message:
            "Predict the test windows of map {wildcards.map} with {wildcards.model}"
        script:
            "../../scripts/predict_contacts.py"

else:

    rule predict_contact_shard:
        input:
            contacts=map_of_model("map", "cool"),
            expected=map_of_model("expected", "npz"),
            genome=map_genome,
            weights=lambda wildcards: [
                f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/weights.safetensors"
                for model, seed in bundles(wildcards.map)
                if model == wildcards.model
            ],
            recipes=lambda wildcards: [
                f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/recipe.yaml"
                for model, seed in bundles(wildcards.map)
                if model == wildcards.model
            ],
            manifests=lambda wildcards: [
                f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/manifest.json"
                for model, seed in bundles(wildcards.map)
                if model == wildcards.model
            ],
        output:
            temp("results/{run}/predictions/{map}/{model}.shard{shard}.contacts.npz"),
        log:
            "logs/{run}/models/{map}.{model}.predictions_shard{shard}.log",
        benchmark:
            "logs/{run}/benchmarks/predict_contact_shard.{map}.{model}.{shard}.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: config["training"]["threads"]
        resources:
            mem_mb=8000,
            runtime=600,
            gpu=gpus(1),
        params:
            code=code("predict_contacts.py"),
            settings=lambda wildcards: {
                "replicates": [seed for model, seed in bundles(wildcards.map) if model == wildcards.model],
                "test_chromosomes": study.chromosomes(wildcards.map, "test"),
                "evaluation": tested_windows(wildcards),
                "device": config["device"],
                "threads": config["training"]["threads"],
                "seed": config["seed"],
                "shards": len(PREDICTION_SHARDS),
            },
        message:
            "Predict the test windows of map {wildcards.map} with {wildcards.model}, shard {wildcards.shard}"
        script:
            "../../scripts/predict_contacts.py"

    rule join_contacts:
        input:
            [f"results/{{run}}/predictions/{{map}}/{{model}}.shard{shard}.contacts.npz" for shard in PREDICTION_SHARDS],
        output:
            "results/{run}/predictions/{map}/{model}.contacts.npz",
        log:
            "logs/{run}/models/{map}.{model}.join_contacts.log",
        conda:
            "../../envs/torch.yaml"
        resources:
            mem_mb=8000,
            runtime=20,
        params:
            code=code("join_contacts.py"),
        message:
            "Join the predicted windows of map {wildcards.map} with {wildcards.model}"
        script:
            "../../scripts/join_contacts.py"


rule evaluate_contact_models:
    input:
        predictions=contact_predictions,
        ceiling=view_ceiling,
    output:
        scores="results/{run}/evaluation/{view}/contact_scores.tsv",
        summary="results/{run}/evaluation/{view}/contact_summary.tsv",
        chromosomes="results/{run}/evaluation/{view}/contact_chromosomes.tsv",
        akita="results/{run}/evaluation/{view}/akita_comparison.tsv",
        bootstrap="results/{run}/evaluation/{view}/contact_bootstrap.parquet",
        ranking="results/{run}/evaluation/{view}/contact_ranking.tsv",
        distribution="results/{run}/evaluation/{view}/contact_rank_distribution.tsv",
        comparisons="results/{run}/evaluation/{view}/contact_comparisons.tsv",
        density="results/{run}/evaluation/{view}/contact_density.tsv",
        distance="results/{run}/evaluation/{view}/contact_distance.tsv",
    log:
        "logs/{run}/evaluation/{view}.contact_scores.log",
    benchmark:
        "logs/{run}/benchmarks/evaluate_contact_models.{view}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(10 * input.size_mb),
        runtime=60,
    params:
        code=code("evaluate_contact_models.py"),
        settings=lambda wildcards: {
            "models": [row["model"] for row in study.viewed(wildcards.view)],
            "max_missing": contact_max_missing(wildcards.view),
            "draws": config["ranking"]["draws"],
            "seed": config["seed"],
        },
    message:
        "Score the models of map {wildcards.view} on the test chromosomes"
    script:
        "../../scripts/evaluate_contact_models.py"


rule plot_contact_predictions:
    input:
        unpack(drawn_maps),
    output:
        svg=report(
            "results/{run}/figures/contacts/{view}.predicted_maps.svg",
            caption="../report/predicted_maps.rst",
            category="Contact maps",
            labels={"map": "{view}", "figure": "predicted maps"},
        ),
        others=multiext("results/{run}/figures/contacts/{view}.predicted_maps", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{view}.predicted_maps.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(5 * input.size_mb),
        runtime=30,
    params:
        code=code("plot_contact_predictions.py"),
        settings=drawing_settings,
    message:
        "Plot observed and predicted contacts of map {wildcards.view}"
    script:
        "../../scripts/plot_contact_predictions.py"


rule plot_contact_ladder:
    input:
        unpack(drawn_maps),
    output:
        svg=report(
            "results/{run}/figures/contacts/{view}.ladder.{window}.svg",
            caption="../report/contact_ladder.rst",
            category="Contact maps",
            labels={"map": "{view}", "figure": "levels of window {window}"},
        ),
        others=multiext("results/{run}/figures/contacts/{view}.ladder.{window}", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{view}.ladder.{window}.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(5 * input.size_mb),
        runtime=30,
    params:
        code=code("plot_contact_predictions.py"),
        settings=drawing_settings,
    message:
        "Plot all levels of window {wildcards.window} of map {wildcards.view}"
    script:
        "../../scripts/plot_contact_predictions.py"


rule plot_contact_scores:
    input:
        scores="results/{run}/evaluation/{view}/contact_scores.tsv",
        summary="results/{run}/evaluation/{view}/contact_summary.tsv",
        chromosomes="results/{run}/evaluation/{view}/contact_chromosomes.tsv",
        density="results/{run}/evaluation/{view}/contact_density.tsv",
        distance="results/{run}/evaluation/{view}/contact_distance.tsv",
    output:
        windows=report(
            "results/{run}/figures/evaluation/{view}.contact_scores.svg",
            caption="../report/contact_scores.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "contact scores"},
        ),
        levels=report(
            "results/{run}/figures/evaluation/{view}.contact_levels.svg",
            caption="../report/contact_levels.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "correlation by chromosome and level"},
        ),
        density=report(
            "results/{run}/figures/evaluation/{view}.contact_density.svg",
            caption="../report/contact_density.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "predicted against observed"},
        ),
        distance=report(
            "results/{run}/figures/evaluation/{view}.contact_distance.svg",
            caption="../report/contact_distance.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "contacts by distance"},
        ),
        others=[
            f"results/{{run}}/figures/evaluation/{{view}}.{name}{suffix}"
            for name in ("contact_scores", "contact_levels", "contact_density", "contact_distance")
            for suffix in (".png", ".tsv", ".json")
        ],
    log:
        "logs/{run}/evaluation/{view}.plot_contact_scores.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_contact_scores.py"),
    message:
        "Plot the scores of the contact models of map {wildcards.view}"
    script:
        "../../scripts/plot_contact_scores.py"


rule export_contacts:
    input:
        predictions=lambda wildcards: [
            f"results/{wildcards.run}/predictions/{study.map_of(wildcards.view)}/{exported_model(wildcards)}.contacts.npz"
        ],
        scores="results/{run}/evaluation/{view}/contact_scores.tsv",
        contacts=lambda wildcards: map_file(wildcards.run, study.map_of(wildcards.view), "map", "cool"),
    output:
        maps="results/{run}/contacts_export/{view}/{exported}.mcool",
        arrays="results/{run}/contacts_export/{view}/{exported}.npz",
    log:
        "logs/{run}/evaluation/{view}.export.{exported}.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(10 * input.size_mb),
        runtime=60,
    params:
        code=code("export_contacts.py"),
        settings=lambda wildcards: {
            "first_model": study.viewed(wildcards.view)[0]["model"],
            "regions": study.drawn_regions(wildcards.view),
            "max_missing": contact_max_missing(wildcards.view),
            "export": config["contact_figures"]["export"],
        },
    message:
        "Export contacts of map {wildcards.view}: {wildcards.exported}"
    script:
        "../../scripts/export_contacts.py"


rule compare_contact_maps:
    input:
        first=contact_predictions,
        second=lambda wildcards: contact_predictions(wildcards, wildcards.other),
    output:
        "results/{run}/evaluation/{view}/contact_differences.{other}.tsv",
    log:
        "logs/{run}/evaluation/{view}.contact_differences.{other}.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(10 * input.size_mb),
        runtime=60,
    params:
        code=code("compare_contact_maps.py"),
        settings=lambda wildcards: {
            "first": [row["model"] for row in study.viewed(wildcards.view)],
            "second": [row["model"] for row in study.viewed(wildcards.other)],
            "max_missing": contact_max_missing(wildcards.view),
            "draws": config["ranking"]["draws"],
            "seed": config["seed"],
        },
    message:
        "Compare the difference of maps {wildcards.view} and {wildcards.other} with what models predict"
    script:
        "../../scripts/compare_contact_maps.py"


rule plot_contact_differences:
    input:
        "results/{run}/evaluation/{view}/contact_differences.{other}.tsv",
    output:
        svg=report(
            "results/{run}/figures/evaluation/{view}.contact_differences.{other}.svg",
            caption="../report/contact_differences.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "difference to {other}"},
        ),
        others=multiext("results/{run}/figures/evaluation/{view}.contact_differences.{other}", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{view}.plot_contact_differences.{other}.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_contact_differences.py"),
    message:
        "Plot the difference of maps {wildcards.view} and {wildcards.other}"
    script:
        "../../scripts/plot_contact_differences.py"


rule plot_contact_ranking:
    input:
        bootstrap="results/{run}/evaluation/{view}/contact_bootstrap.parquet",
        ranking="results/{run}/evaluation/{view}/contact_ranking.tsv",
        comparisons="results/{run}/evaluation/{view}/contact_comparisons.tsv",
    output:
        svg=report(
            "results/{run}/figures/evaluation/{view}.contact_ranking.svg",
            caption="../report/contact_ranking.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "ranking"},
        ),
        others=multiext("results/{run}/figures/evaluation/{view}.contact_ranking", ".png", ".tsv", ".json"),
        ranks_svg=report(
            "results/{run}/figures/evaluation/{view}.contact_ranks.svg",
            caption="../report/contact_ranking.rst",
            category="Scores and ranking",
            labels={"map": "{view}", "figure": "ranks by both scores"},
        ),
        ranks_others=multiext("results/{run}/figures/evaluation/{view}.contact_ranks", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{view}.plot_contact_ranking.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_contact_ranking.py"),
    message:
        "Plot the ranking of the contact models of map {wildcards.view}"
    script:
        "../../scripts/plot_contact_ranking.py"


rule plot_contact_learning_curves:
    input:
        lambda wildcards: [
            f"results/{wildcards.run}/models/{wildcards.map}/{model}/seed{seed}/history.tsv"
            for model, seed in bundles(wildcards.map)
        ],
    output:
        svg=report(
            "results/{run}/figures/models/{map}.learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Models",
            labels={"data": "{map}", "figure": "learning curves"},
        ),
        others=multiext("results/{run}/figures/models/{map}.learning_curves", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/models/{map}.learning_curves.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_learning_curves.py"),
        settings=lambda wildcards: {
            "name": wildcards.map,
            "bundles": bundles(wildcards.map),
            "losses": ["squared error + cross-entropy"],
            "metric": "validation Pearson r per window",
        },
    message:
        "Plot the learning curves of map {wildcards.map}"
    script:
        "../../scripts/plot_learning_curves.py"
