# Accessibility assays: from bigWig, peaks and genome to models of every chromosome fold, their scores and figures.
# One bias model per fold is shared by all models of an assay.
from importlib.util import find_spec

from cisflow.settings.profiles import NEGATIVES_PER_PEAK, window_of

# Headers of the tracks and names in the peaks are checked before the first job, by the process that plans the run;
# lengths are compared with the genome when it is read (rule prepare_assay), because that takes longer.
if study.assays and workflow.is_main_process and find_spec("pyBigWig"):
    from cisflow.profiles.prepare import early_problems

    if assay_problems := early_problems(study.assays, study.chromosome_folds, study.path):
        raise WorkflowError(str(InputError(assay_problems)))


rule simulate_accessibility:
    output:
        fasta="results/{run}/simulated/{assay}.genome.fa",
        bigwig="results/{run}/simulated/{assay}.bw",
        peaks="results/{run}/simulated/{assay}.narrowPeak",
        truth="results/{run}/simulated/{assay}.accessibility.npz",
    log:
        "logs/{run}/simulate/{assay}.log",
    benchmark:
        "logs/{run}/benchmarks/simulate_accessibility.{assay}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("simulate_accessibility.py"),
        settings={
            "seed": config["seed"],
            "n_chromosomes": config["simulation"]["chromosomes"],
            "length": config["simulation"]["profile_chromosome_length"],
            "regions": config["simulation"]["profile_peaks"],
        },
    message:
        "Simulate genome, cut sites and peaks of assay {wildcards.assay}"
    script:
        "../../scripts/simulate_accessibility.py"


rule prepare_assay:
    input:
        unpack(assay_input),
    output:
        regions="results/{run}/profiles/{assay}/regions.parquet",
        sequences="results/{run}/profiles/{assay}/sequences.npy",
        counts="results/{run}/profiles/{assay}/counts.npy",
        funnel="results/{run}/profiles/{assay}/funnel.tsv",
    log:
        "logs/{run}/profiles/{assay}.prepare.log",
    benchmark:
        "logs/{run}/benchmarks/prepare_assay.{assay}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: (4000 + 3 * int(input.size_mb)) * attempt,
        runtime=240,
    params:
        code=code("prepare_assay.py"),
        settings=lambda wildcards: {
            "window": window_of(study.assay_recipes(wildcards.assay)),
            "folds": study.chromosome_folds[wildcards.assay],
            "negatives_per_peak": study.assays[wildcards.assay]["negatives_per_peak"] or NEGATIVES_PER_PEAK,
            "seed": config["seed"],
        },
    message:
        "Cut the windows of assay {wildcards.assay}"
    script:
        "../../scripts/prepare_assay.py"


rule plot_simulated_assay:
    input:
        truth="results/{run}/simulated/{assay}.accessibility.npz",
        regions="results/{run}/profiles/{assay}/regions.parquet",
        counts="results/{run}/profiles/{assay}/counts.npy",
    output:
        svg=report(
            "results/{run}/figures/simulate/{assay}.assay.svg",
            caption="../report/simulated_assay.rst",
            category="Simulated input",
            labels={"assay": "{assay}", "figure": "assay"},
        ),
        others=multiext("results/{run}/figures/simulate/{assay}.assay", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/simulate/{assay}.plot_assay.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_simulated_assay.py"),
        settings=lambda wildcards: window_of(study.assay_recipes(wildcards.assay)),
    message:
        "Draw simulated assay {wildcards.assay}"
    script:
        "../../scripts/plot_simulated_assay.py"


rule train_bias_model:
    input:
        regions="results/{run}/profiles/{assay}/regions.parquet",
        sequences="results/{run}/profiles/{assay}/sequences.npy",
        counts="results/{run}/profiles/{assay}/counts.npy",
    output:
        **{
            name: f"results/{{run}}/profiles/{{assay}}/fold{{fold}}/{BIAS_MODEL}/seed1/{file}"
            for name, file in BUNDLE_OUTPUTS.items()
        },
    log:
        "logs/{run}/profiles/{assay}.fold{fold}.bias.log",
    benchmark:
        "logs/{run}/benchmarks/train_bias_model.{assay}.fold{fold}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=gpus(1),
    params:
        code=code("train_profile_model.py"),
        state=f"state/{{run}}/{{assay}}/fold{{fold}}/{BIAS_MODEL}/seed1",
        settings=lambda wildcards: {
            **profile_training(wildcards),
            "recipe": study.recipes[study.assays[wildcards.assay]["bias_recipe"]],
            "model": BIAS_MODEL,
            "replicate": 1,
        },
    message:
        "Train the bias model of assay {wildcards.assay}, fold {wildcards.fold}"
    script:
        "../../scripts/train_profile_model.py"


rule train_profile_model:
    input:
        regions="results/{run}/profiles/{assay}/regions.parquet",
        sequences="results/{run}/profiles/{assay}/sequences.npy",
        counts="results/{run}/profiles/{assay}/counts.npy",
        bias=f"results/{{run}}/profiles/{{assay}}/fold{{fold}}/{BIAS_MODEL}/seed1/weights.safetensors",
    output:
        **{
            name: f"results/{{run}}/profiles/{{assay}}/fold{{fold}}/{{model}}/seed{{seed}}/{file}"
            for name, file in BUNDLE_OUTPUTS.items()
        },
    log:
        "logs/{run}/profiles/{assay}.fold{fold}.{model}.seed{seed}.log",
    benchmark:
        "logs/{run}/benchmarks/train_profile_model.{assay}.fold{fold}.{model}.seed{seed}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=8000,
        runtime=2880,
        gpu=gpus(1),
    params:
        code=code("train_profile_model.py"),
        # Not an output: Snakemake removes outputs before a job starts again, and a killed training must continue.
        state="state/{run}/{assay}/fold{fold}/{model}/seed{seed}",
        settings=lambda wildcards: {
            **profile_training(wildcards),
            "recipe": study.recipe(wildcards.model, wildcards.assay),
            "model": wildcards.model,
            "replicate": int(wildcards.seed),
        },
    message:
        "Train {wildcards.model} on assay {wildcards.assay}, fold {wildcards.fold}, seed {wildcards.seed}"
    script:
        "../../scripts/train_profile_model.py"


rule predict_profiles:
    input:
        regions="results/{run}/profiles/{assay}/regions.parquet",
        sequences="results/{run}/profiles/{assay}/sequences.npy",
        counts="results/{run}/profiles/{assay}/counts.npy",
        weights=lambda wildcards: [
            f"results/{wildcards.run}/profiles/{wildcards.assay}/fold{wildcards.fold}/{wildcards.model}/seed{seed}/weights.safetensors"
            for seed in profile_seeds(wildcards.assay, wildcards.model)
        ],
    output:
        "results/{run}/profiles/{assay}/fold{fold}/{model}.predictions.npz",
    log:
        "logs/{run}/profiles/{assay}.fold{fold}.{model}.predictions.log",
    benchmark:
        "logs/{run}/benchmarks/predict_profiles.{assay}.fold{fold}.{model}.tsv"
    wildcard_constraints:
        model=one_of({BIAS_MODEL, *(row["model"] for row in study.models)}),
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=240,
        gpu=gpus(1),
    params:
        code=code("predict_profiles.py"),
        settings=lambda wildcards: {
            "replicates": profile_seeds(wildcards.assay, wildcards.model),
            "fold": chromosome_fold(wildcards.assay, wildcards.fold),
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Predict the test peaks of assay {wildcards.assay}, fold {wildcards.fold}, with {wildcards.model}"
    script:
        "../../scripts/predict_profiles.py"


if config["ranking"]["shards"] == 1:

    rule score_profiles:
        input:
            regions="results/{run}/profiles/{assay}/regions.parquet",
            counts="results/{run}/profiles/{assay}/counts.npy",
            predictions=profile_predictions,
        output:
            regions="results/{run}/profiles/{assay}/region_scores.parquet",
            scores="results/{run}/profiles/{assay}/scores.tsv",
            summary=report(
                "results/{run}/profiles/{assay}/summary.tsv",
                caption="../report/profile_scores.rst",
                category="Accessibility profiles",
                labels={"assay": "{assay}", "content": "mean scores"},
            ),
            comparisons="results/{run}/profiles/{assay}/comparisons.tsv",
        log:
            "logs/{run}/profiles/{assay}.score_profiles.log",
        benchmark:
            "logs/{run}/benchmarks/score_profiles.{assay}.tsv"
        conda:
            "../../envs/table.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=120,
        params:
            code=code("score_profiles.py"),
            settings=lambda wildcards: {
                "folds": study.chromosome_folds[wildcards.assay],
                "predicted": folds_and_models(wildcards.assay),
                "bias": BIAS_MODEL,
                "draws": config["ranking"]["draws"],
                "seed": config["seed"],
            },
        message:
            "Score the models of assay {wildcards.assay} on the test chromosomes of every fold"
        script:
            "../../scripts/score_profiles.py"

else:

    rule score_profile_shard:
        input:
            regions="results/{run}/profiles/{assay}/regions.parquet",
            counts="results/{run}/profiles/{assay}/counts.npy",
            predictions=lambda wildcards: profile_predictions(wildcards, shard_folds(wildcards)),
        output:
            regions=temp("results/{run}/profiles/{assay}/region_scores.shard{shard}.parquet"),
            scores=temp("results/{run}/profiles/{assay}/scores.shard{shard}.parquet"),
        log:
            "logs/{run}/profiles/{assay}.score_profile_shard{shard}.log",
        benchmark:
            "logs/{run}/benchmarks/score_profile_shard.{assay}.{shard}.tsv"
        conda:
            "../../envs/table.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=120,
        params:
            code=code("score_profiles.py"),
            settings=lambda wildcards: {
                "folds": shard_folds(wildcards),
                "predicted": folds_and_models(wildcards.assay, shard_folds(wildcards)),
                "bias": BIAS_MODEL,
                "draws": config["ranking"]["draws"],
                "seed": config["seed"],
            },
        message:
            "Score the models of assay {wildcards.assay} on the test chromosomes of every fold, shard {wildcards.shard}"
        script:
            "../../scripts/score_profiles.py"

    rule join_profile_scores:
        input:
            regions=profile_shards("region_scores"),
            scores=profile_shards("scores"),
        output:
            regions="results/{run}/profiles/{assay}/region_scores.parquet",
            scores="results/{run}/profiles/{assay}/scores.tsv",
            summary=report(
                "results/{run}/profiles/{assay}/summary.tsv",
                caption="../report/profile_scores.rst",
                category="Accessibility profiles",
                labels={"assay": "{assay}", "content": "mean scores"},
            ),
            comparisons="results/{run}/profiles/{assay}/comparisons.tsv",
        log:
            "logs/{run}/profiles/{assay}.join_profile_scores.log",
        conda:
            "../../envs/table.yaml"
        resources:
            mem_mb=4000,
            runtime=10,
        params:
            code=code("join_profile_scores.py"),
            settings=lambda wildcards: {"folds": [fold["name"] for fold in study.chromosome_folds[wildcards.assay]]},
        message:
            "Join the scores of the folds of assay {wildcards.assay}"
        script:
            "../../scripts/join_profile_scores.py"


rule plot_profiles:
    input:
        region_scores="results/{run}/profiles/{assay}/region_scores.parquet",
        scores="results/{run}/profiles/{assay}/scores.tsv",
        summary="results/{run}/profiles/{assay}/summary.tsv",
        comparisons="results/{run}/profiles/{assay}/comparisons.tsv",
        counts="results/{run}/profiles/{assay}/counts.npy",
        predictions=profile_predictions,
    output:
        **{
            name: report(
                f"results/{{run}}/figures/profiles/{{assay}}.{name}.svg",
                caption=f"../report/profile_{name}.rst",
                category="Accessibility profiles",
                labels={"assay": "{assay}", "figure": name},
            )
            for name in PROFILE_FIGURES
        },
        others=[
            f"results/{{run}}/figures/profiles/{{assay}}.{name}{suffix}"
            for name in PROFILE_FIGURES
            for suffix in (".png", ".tsv", ".json")
        ],
    log:
        "logs/{run}/profiles/{assay}.plot_profiles.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("plot_profiles.py"),
        settings=lambda wildcards: {"predicted": folds_and_models(wildcards.assay)},
    message:
        "Draw profiles, counts and scores of assay {wildcards.assay}"
    script:
        "../../scripts/plot_profiles.py"


rule plot_profile_learning_curves:
    input:
        lambda wildcards: [
            f"results/{wildcards.run}/profiles/{wildcards.assay}/fold{fold}/{model}/seed{seed}/history.tsv"
            for fold, model, seed in profile_bundles(wildcards.assay)
        ],
    output:
        svg=report(
            "results/{run}/figures/models/{assay}.learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Models",
            labels={"data": "{assay}", "figure": "learning curves"},
        ),
        others=multiext("results/{run}/figures/models/{assay}.learning_curves", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/profiles/{assay}.learning_curves.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_learning_curves.py"),
        settings=lambda wildcards: {
            "name": wildcards.assay,
            "bundles": [(model, f"fold {fold} seed {seed}") for fold, model, seed in profile_bundles(wildcards.assay)],
            "losses": ["multinomial + count"],
            "metric": "negative validation loss",
            "lines": "folds and seeds",
        },
    message:
        "Plot the learning curves of assay {wildcards.assay}"
    script:
        "../../scripts/plot_learning_curves.py"
