# The draws of a dataset are made by one job, or by several and joined; no draw depends on the number of jobs.
DRAW_SHARDS = range(config["ranking"]["shards"])
RANKING_SETTINGS = {key: value for key, value in config["ranking"].items() if key != "shards"}


rule import_predictions:
    input:
        predictions=lambda wildcards: study.path(study.datasets[wildcards.dataset]["predictions"]),
        dataset="results/{run}/datasets/{dataset}.parquet",
    output:
        "results/{run}/predictions/{dataset}/submitted.parquet",
    log:
        "logs/{run}/evaluation/{dataset}.import_predictions.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("import_predictions.py"),
    message:
        "Read the predictions submitted for {wildcards.dataset}"
    script:
        "../../scripts/import_predictions.py"


rule score_models:
    input:
        unpack(evaluation_input),
    output:
        scores="results/{run}/evaluation/{dataset}/scores.tsv",
        comparisons="results/{run}/evaluation/{dataset}/comparisons.tsv",
    log:
        "logs/{run}/evaluation/{dataset}.score_models.log",
    benchmark:
        "logs/{run}/benchmarks/evaluation/{dataset}.score_models.tsv"
    conda:
        "../../envs/table.yaml"
    threads: up_to_half_the_cores(4)
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("score_models.py"),
        settings={"seed": config["seed"]},
    message:
        "Score the models of {wildcards.dataset}"
    script:
        "../../scripts/score_models.py"


if len(DRAW_SHARDS) == 1:

    rule bootstrap_models:
        input:
            unpack(evaluation_input),
        output:
            "results/{run}/evaluation/{dataset}/bootstrap.parquet",
        log:
            "logs/{run}/evaluation/{dataset}.bootstrap_models.log",
        benchmark:
            "logs/{run}/benchmarks/evaluation/{dataset}.bootstrap_models.tsv"
        conda:
            "../../envs/table.yaml"
        threads: up_to_half_the_cores(4)
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            code=code("bootstrap_models.py"),
            settings={"seed": config["seed"], "ranking": RANKING_SETTINGS},
        message:
            "Draw the test rows of {wildcards.dataset} and score every draw"
        script:
            "../../scripts/bootstrap_models.py"

else:

    rule bootstrap_shard:
        input:
            unpack(evaluation_input),
        output:
            temp("results/{run}/evaluation/{dataset}/bootstrap.shard{shard}.parquet"),
        log:
            "logs/{run}/evaluation/{dataset}.bootstrap_shard{shard}.log",
        benchmark:
            "logs/{run}/benchmarks/evaluation/{dataset}.bootstrap_shard{shard}.tsv"
        conda:
            "../../envs/table.yaml"
        threads: up_to_half_the_cores(4)
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            code=code("bootstrap_models.py"),
            settings={"seed": config["seed"], "ranking": RANKING_SETTINGS, "shards": len(DRAW_SHARDS)},
        message:
            "Draw the test rows of {wildcards.dataset} and score every draw, shard {wildcards.shard}"
        script:
            "../../scripts/bootstrap_models.py"

    rule join_draws:
        input:
            [f"results/{{run}}/evaluation/{{dataset}}/bootstrap.shard{shard}.parquet" for shard in DRAW_SHARDS],
        output:
            "results/{run}/evaluation/{dataset}/bootstrap.parquet",
        log:
            "logs/{run}/evaluation/{dataset}.join_draws.log",
        conda:
            "../../envs/table.yaml"
        resources:
            mem_mb=4000,
            runtime=10,
        params:
            code=code("join_draws.py"),
        message:
            "Join the draws of {wildcards.dataset}"
        script:
            "../../scripts/join_draws.py"


rule rank_models:
    input:
        bootstrap="results/{run}/evaluation/{dataset}/bootstrap.parquet",
        scores="results/{run}/evaluation/{dataset}/scores.tsv",
    output:
        ranking=report(
            "results/{run}/evaluation/{dataset}/ranking.tsv",
            caption="../report/ranking_table.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}", "content": "ranking"},
        ),
        distribution="results/{run}/evaluation/{dataset}/rank_distribution.tsv",
    log:
        "logs/{run}/evaluation/{dataset}.rank_models.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("rank_models.py"),
    message:
        "Rank the models of {wildcards.dataset}"
    script:
        "../../scripts/rank_models.py"


rule plot_ranking:
    input:
        bootstrap="results/{run}/evaluation/{dataset}/bootstrap.parquet",
        ranking="results/{run}/evaluation/{dataset}/ranking.tsv",
        ceiling=head_ceiling,
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.ranking.svg",
            caption="../report/ranking.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "the ranking"},
        ),
        png="results/{run}/figures/evaluation/{dataset}{head}.ranking.png",
        tsv="results/{run}/figures/evaluation/{dataset}{head}.ranking.tsv",
        json="results/{run}/figures/evaluation/{dataset}{head}.ranking.json",
        rank_distribution_svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.rank_distribution.svg",
            caption="../report/rank_distribution.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "the ranks by both scores"},
        ),
        rank_distribution_png="results/{run}/figures/evaluation/{dataset}{head}.rank_distribution.png",
        rank_distribution_tsv="results/{run}/figures/evaluation/{dataset}{head}.rank_distribution.tsv",
        rank_distribution_json="results/{run}/figures/evaluation/{dataset}{head}.rank_distribution.json",
    log:
        "logs/{run}/evaluation/{dataset}{head}.plot_ranking.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_ranking.py"),
        settings=of_head,
    message:
        "Draw the ranking of {wildcards.dataset}{wildcards.head}"
    script:
        "../../scripts/plot_ranking.py"


rule plot_subset_scores:
    input:
        scores="results/{run}/evaluation/{dataset}/scores.tsv",
        ceiling=head_ceiling,
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.subset_scores.svg",
            caption="../report/subset_scores.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "the scores per subset"},
        ),
        png="results/{run}/figures/evaluation/{dataset}{head}.subset_scores.png",
        tsv="results/{run}/figures/evaluation/{dataset}{head}.subset_scores.tsv",
        json="results/{run}/figures/evaluation/{dataset}{head}.subset_scores.json",
        gaps_svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.gaps.svg",
            caption="../report/gaps.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "the gaps between the models"},
        ),
        gaps_png="results/{run}/figures/evaluation/{dataset}{head}.gaps.png",
        gaps_tsv="results/{run}/figures/evaluation/{dataset}{head}.gaps.tsv",
        gaps_json="results/{run}/figures/evaluation/{dataset}{head}.gaps.json",
    log:
        "logs/{run}/evaluation/{dataset}{head}.plot_subset_scores.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_subset_scores.py"),
        settings=of_head,
    message:
        "Draw the scores per subset of {wildcards.dataset}{wildcards.head}"
    script:
        "../../scripts/plot_subset_scores.py"


rule plot_parameters:
    input:
        scores="results/{run}/evaluation/{dataset}/scores.tsv",
        manifests=tested_manifests,
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.parameters.svg",
            caption="../report/parameters.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "parameters and scores"},
        ),
        others=multiext("results/{run}/figures/evaluation/{dataset}{head}.parameters", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{dataset}{head}.plot_parameters.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_parameters.py"),
        settings=lambda wildcards: {**of_head(wildcards), "cells": grid(wildcards.dataset)},
    message:
        "Draw the scores of {wildcards.dataset}{wildcards.head} against the size of the models"
    script:
        "../../scripts/plot_parameters.py"


rule plot_prix_fixe:
    input:
        scores="results/{run}/evaluation/{dataset}/scores.tsv",
        manifests=tested_manifests,
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}.prix_fixe_grid.svg",
            caption="../report/prix_fixe_grid.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}", "content": "the Prix Fixe grid"},
        ),
        others=multiext("results/{run}/figures/evaluation/{dataset}.prix_fixe_grid", ".png", ".tsv", ".json"),
        parts_svg=report(
            "results/{run}/figures/evaluation/{dataset}.prix_fixe_parts.svg",
            caption="../report/prix_fixe_parts.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}", "content": "trainers and blocks compared"},
        ),
        parts_others=multiext("results/{run}/figures/evaluation/{dataset}.prix_fixe_parts", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{dataset}.plot_prix_fixe.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_prix_fixe.py"),
        settings=lambda wildcards: {"cells": grid(wildcards.dataset)},
    message:
        "Draw the Prix Fixe grid of {wildcards.dataset}"
    script:
        "../../scripts/plot_prix_fixe.py"


rule plot_predictions:
    input:
        unpack(evaluation_input),
        ceiling=head_ceiling,
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.predictions.svg",
            caption="../report/predictions.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "predictions and measurements"},
        ),
        png="results/{run}/figures/evaluation/{dataset}{head}.predictions.png",
        tsv="results/{run}/figures/evaluation/{dataset}{head}.predictions.tsv",
        json="results/{run}/figures/evaluation/{dataset}{head}.predictions.json",
    log:
        "logs/{run}/evaluation/{dataset}{head}.plot_predictions.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_predictions.py"),
        settings=of_head,
    message:
        "Draw predictions and measurements of {wildcards.dataset}{wildcards.head}"
    script:
        "../../scripts/plot_predictions.py"


rule plot_changes:
    input:
        unpack(evaluation_input),
        ranking="results/{run}/evaluation/{dataset}/ranking.tsv",
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}{head}.changes.svg",
            caption="../report/changes.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}{head}", "content": "changes of expression within pairs"},
        ),
        png="results/{run}/figures/evaluation/{dataset}{head}.changes.png",
        tsv="results/{run}/figures/evaluation/{dataset}{head}.changes.tsv",
        json="results/{run}/figures/evaluation/{dataset}{head}.changes.json",
    log:
        "logs/{run}/evaluation/{dataset}{head}.plot_changes.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_changes.py"),
        settings=of_head,
    message:
        "Draw the changes of expression within pairs of {wildcards.dataset}{wildcards.head}"
    script:
        "../../scripts/plot_changes.py"


rule interpret_models:
    input:
        unpack(interpretation_input),
    output:
        effects="results/{run}/evaluation/{dataset}/ism.parquet",
        variants="results/{run}/evaluation/{dataset}/ism_variants.tsv",
        profiles="results/{run}/evaluation/{dataset}/ism_profiles.tsv",
        checks="results/{run}/evaluation/{dataset}/ism_checks.tsv",
        agreement="results/{run}/evaluation/{dataset}/ism_agreement.tsv",
    log:
        "logs/{run}/evaluation/{dataset}.interpret_models.log",
    benchmark:
        "logs/{run}/benchmarks/evaluation/{dataset}.interpret_models.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(5 * input.size_mb),
        runtime=120,
        gpu=gpus(1),
    params:
        code=code("interpret_models.py"),
        settings=lambda wildcards: {
            "models": [model for model, _ in bundles(study.trained_on(wildcards.dataset))],
            "interpret": {key: config["interpret"][key] for key in ("sequences", "steps")},
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Replace every base of test sequences of {wildcards.dataset} and predict"
    script:
        "../../scripts/interpret_models.py"


rule match_motifs:
    input:
        profiles="results/{run}/evaluation/{dataset}/ism_profiles.tsv",
        motifs=study.path(config["interpret"]["motifs"] or ""),
    output:
        "results/{run}/evaluation/{dataset}/ism_motifs.tsv",
    log:
        "logs/{run}/evaluation/{dataset}.match_motifs.log",
    wildcard_constraints:
        dataset=one_of(study.datasets if config["interpret"]["motifs"] else []),
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("match_motifs.py"),
        settings={"p_value": config["interpret"]["motif_p_value"]},
    message:
        "Find known motifs in what the models of {wildcards.dataset} see"
    script:
        "../../scripts/match_motifs.py"


rule plot_motifs:
    input:
        profiles="results/{run}/evaluation/{dataset}/ism_profiles.tsv",
        matches="results/{run}/evaluation/{dataset}/ism_motifs.tsv",
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}.ism_motifs.svg",
            caption="../report/ism_motifs.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}", "content": "known motifs in what the models see"},
        ),
        others=multiext("results/{run}/figures/evaluation/{dataset}.ism_motifs", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{dataset}.plot_motifs.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_motifs.py"),
    message:
        "Draw known motifs in what the models of {wildcards.dataset} see"
    script:
        "../../scripts/plot_motifs.py"


rule plot_interpretation:
    input:
        effects="results/{run}/evaluation/{dataset}/ism.parquet",
        variants="results/{run}/evaluation/{dataset}/ism_variants.tsv",
        agreement="results/{run}/evaluation/{dataset}/ism_agreement.tsv",
        checks="results/{run}/evaluation/{dataset}/ism_checks.tsv",
    output:
        svg=report(
            "results/{run}/figures/evaluation/{dataset}.ism.svg",
            caption="../report/ism.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}", "content": "what the models see"},
        ),
        others=multiext("results/{run}/figures/evaluation/{dataset}.ism", ".png", ".tsv", ".json"),
        agreement_svg=report(
            "results/{run}/figures/evaluation/{dataset}.ism_agreement.svg",
            caption="../report/ism_agreement.rst",
            category="Scores and ranking",
            labels={"dataset": "{dataset}", "content": "what the models agree on"},
        ),
        agreement_others=multiext("results/{run}/figures/evaluation/{dataset}.ism_agreement", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/evaluation/{dataset}.plot_interpretation.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_interpretation.py"),
    message:
        "Draw what the models of {wildcards.dataset} see"
    script:
        "../../scripts/plot_interpretation.py"
