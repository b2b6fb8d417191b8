# Sets of variants predicted with the models of a dataset (expression) or of a contact map; the models decide.
rule simulate_variants:
    input:
        unpack(simulated_variants_input),
    output:
        "results/{run}/simulated/{variants}.vcf",
    log:
        "logs/{run}/variants/{variants}.simulate_variants.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("simulate_variants.py"),
        settings=lambda wildcards: {
            "task": variant_task(wildcards.variants),
            "seed": config["seed"],
            **(
                {
                    "chromosome": study.chromosomes(variant_row(wildcards)["dataset"], "test")[0],
                    "other": study.chromosomes(variant_row(wildcards)["dataset"], "validation")[0],
                }
                if variant_task(wildcards.variants) == "contacts"
                else {}
            ),
        },
    message:
        "Simulate variants {wildcards.variants}"
    script:
        "../../scripts/simulate_variants.py"


rule predict_variants:
    input:
        unpack(lambda wildcards: variants_of_model(wildcards, wildcards.model)),
    output:
        "results/{run}/variants/{variants}/{model}.shard{shard}.parquet",
    log:
        "logs/{run}/variants/{variants}.{model}.shard{shard}.predict_variants.log",
    benchmark:
        "logs/{run}/benchmarks/variants/{variants}.{model}.shard{shard}.predict_variants.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=gpus(1),
    params:
        code=code("predict_variants.py"),
        # Finished parts of a killed job; not an output, because Snakemake removes those before a job starts again.
        state=lambda wildcards: f"state/{wildcards.run}/variants/{wildcards.variants}/{wildcards.model}",
        settings=lambda wildcards: {
            "task": variant_task(wildcards.variants),
            "model": wildcards.model,
            "shard": [int(wildcards.shard), variant_row(wildcards)["shards"] or 1],
            "padding": variant_row(wildcards)["padding"],
            "ends": [variant_row(wildcards)[end] or "" for end in ("left", "right")],
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Predict variants {wildcards.variants} with {wildcards.model}"
    script:
        "../../scripts/predict_variants.py"


rule gather_variants:
    input:
        variant_parts,
    output:
        effects="results/{run}/variants/{variants}/effects.parquet",
        statuses="results/{run}/variants/{variants}/statuses.tsv",
    log:
        "logs/{run}/variants/{variants}.gather_variants.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, input: 1500 + int(10 * input.size_mb),
        runtime=20,
    params:
        code=code("gather_variants.py"),
    message:
        "Gather the effects of variants {wildcards.variants}"
    script:
        "../../scripts/gather_variants.py"


rule plot_variants:
    input:
        effects="results/{run}/variants/{variants}/effects.parquet",
        statuses="results/{run}/variants/{variants}/statuses.tsv",
    output:
        svg=report(
            "results/{run}/figures/variants/{variants}.effects.svg",
            caption="../report/variant_effects.rst",
            category="Variants",
            labels={"variants": "{variants}", "figure": "effects"},
        ),
        others=multiext("results/{run}/figures/variants/{variants}.effects", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/variants/{variants}.plot_variants.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_variants.py"),
    message:
        "Draw the effects of variants {wildcards.variants}"
    script:
        "../../scripts/plot_variants.py"


rule plot_variant_ladder:
    input:
        unpack(lambda wildcards: variants_of_model(wildcards, drawn_model(wildcards))),
        effects="results/{run}/variants/{variants}/effects.parquet",
    output:
        svg=report(
            "results/{run}/figures/variants/{variants}.ladder.svg",
            caption="../report/variant_ladder.rst",
            category="Variants",
            labels={"variants": "{variants}", "figure": "maps of the largest impact"},
        ),
        others=multiext("results/{run}/figures/variants/{variants}.ladder", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/variants/{variants}.plot_variant_ladder.log",
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=120,
        gpu=gpus(1),
    params:
        code=code("plot_variant_ladder.py"),
        settings=lambda wildcards: {
            "model": drawn_model(wildcards),
            "padding": variant_row(wildcards)["padding"],
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Draw the maps of the variant of {wildcards.variants} with the largest impact"
    script:
        "../../scripts/plot_variant_ladder.py"
