# Sets of variants predicted with the models of a dataset (expression) or of a contact map; the models decide.
def variant_row(wildcards):
    """Row of a set in the variants sheet."""
    return study.variants[wildcards.variants]


def variant_task(name):
    """What the models of a set predict: `contacts` or `expression`."""
    return "contacts" if study.variants[name]["dataset"] in study.maps else "expression"


def variant_file(wildcards):
    """VCF file of a set."""
    given = variant_row(wildcards)["vcf"]
    return f"results/{wildcards.run}/simulated/{wildcards.variants}.vcf" if given == "simulated" else study.path(given)


def simulated_library(run, dataset):
    """Ordered sequences of the simulated library that a dataset is tested on."""
    return f"results/{run}/simulated/{study.members(study.datasets[dataset]['test_library'])[0]}.ordered.tsv"


def map_fasta(run, name):
    """Genome of a contact map at two bits per base."""
    given = study.maps[name]["genome"] or ""
    return study.path(given) if given.endswith(".2bit") else f"results/{run}/genome/{study.genomes()[name]}.2bit"


def simulated_variants_input(wildcards):
    """What a set is simulated from: genome and motif sites, or a designed library."""
    name, run = variant_row(wildcards)["dataset"], wildcards.run
    if name in study.maps:
        return {"genome": f"results/{run}/simulated/{name}.fa", "peaks": peak_files(run, name)[0]}
    return {"constructs": simulated_library(run, name)}


def variants_of_model(wildcards, model):
    """Variants, bundles of a model, and what it is shown."""
    row, run = variant_row(wildcards), wildcards.run
    name = row["dataset"]
    folders = [f"results/{run}/models/{name}/{model}/seed{seed}" for known, seed in bundles(name) if known == model]
    given = {file: [f"{folder}/{path}" for folder in folders] for file, path in BUNDLE_OUTPUTS.items()}
    given["vcf"] = variant_file(wildcards)
    if name in study.maps:
        expected = map_file(run, name, "expected", "npz", study.resolution(model, name))
        return given | {"genome": map_fasta(run, name), "expected": expected}
    if row["constructs"] == "simulated":
        return given | {"constructs": simulated_library(run, name)}
    shown = {column: row[column] for column in ("constructs", "intervals", "genome")}
    return given | {column: study.path(path) for column, path in shown.items() if path}


def variant_parts(wildcards):
    """Tables of the models and shards of a set, in the order of its models."""
    stem = f"results/{wildcards.run}/variants/{wildcards.variants}"
    shards = variant_row(wildcards)["shards"] or 1
    models = study.variant_models(wildcards.variants)
    return [f"{stem}/{model}.shard{shard}.parquet" for model in models for shard in range(shards)]


def drawn_model(wildcards):
    """Model whose maps are drawn: the first of the set."""
    return study.variant_models(wildcards.variants)[0]


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
        gpu=1 if config["device"] == "cuda" else 0,
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
        gpu=1 if config["device"] == "cuda" else 0,
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
