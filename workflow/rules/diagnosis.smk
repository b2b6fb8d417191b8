# Why a contact model is as good as it is: ceiling of its map, one window learnt by heart, page with a plain verdict.
DIAGNOSIS_PANELS = ["ceiling", "noise", "targets", "learning"]


rule measure_contact_ceiling:
    input:
        contacts=map_of_model("map", "cool"),
        expected=map_of_model("expected", "npz"),
        replicate=replicate_files,
    output:
        ceiling="results/{run}/diagnosis/{map}/{model}.ceiling.tsv",
        by_window="results/{run}/diagnosis/{map}/{model}.by_window.tsv",
        by_distance="results/{run}/diagnosis/{map}/{model}.by_distance.tsv",
        targets="results/{run}/diagnosis/{map}/{model}.targets.tsv",
        histogram="results/{run}/diagnosis/{map}/{model}.histogram.tsv",
    log:
        "logs/{run}/diagnosis/{map}.{model}.ceiling.log",
    benchmark:
        "logs/{run}/benchmarks/measure_contact_ceiling.{map}.{model}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=ceiling_mb,
        runtime=240,
    params:
        code=code("measure_contact_ceiling.py"),
        settings=lambda wildcards: {
            "recipe": whole_recipe(wildcards),
            "map": wildcards.map,
            "replicate": replicate_of(wildcards.map),
            "seed": config["seed"],
            "draws": config["ranking"]["draws"],
            "windows": config["diagnosis"]["windows"],
            "validation_chromosomes": study.chromosomes(wildcards.map, "validation"),
            "test_chromosomes": study.chromosomes(wildcards.map, "test"),
        },
    message:
        "Measure the ceiling of the windows of {wildcards.model} on map {wildcards.map}"
    script:
        "../../scripts/measure_contact_ceiling.py"


rule overfit_contact_window:
    input:
        contacts=map_of_model("map", "cool"),
        expected=map_of_model("expected", "npz"),
        genome=map_genome,
        peaks=map_peaks,
        exclude=map_exclude,
        start=overfit_start,
    output:
        "results/{run}/diagnosis/{map}/{model}.one_window.tsv",
    log:
        "logs/{run}/diagnosis/{map}.{model}.one_window.log",
    benchmark:
        "logs/{run}/benchmarks/overfit_contact_window.{map}.{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=gpus(1),
    params:
        code=code("overfit_contact_window.py"),
        settings=lambda wildcards: {
            "recipe": whole_recipe(wildcards),
            "steps": overfit_steps(wildcards.map, wildcards.model),
            "map": wildcards.map,
            "model": wildcards.model,
            "seed": config["seed"],
            "validation_chromosomes": study.chromosomes(wildcards.map, "validation"),
            "test_chromosomes": study.chromosomes(wildcards.map, "test"),
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Train {wildcards.model} on one window of map {wildcards.map}"
    script:
        "../../scripts/overfit_contact_window.py"


rule diagnose_contact_model:
    input:
        unpack(diagnosis_input),
    output:
        page=report(
            "results/{run}/quality/{map}.{model}.html",
            caption="../report/diagnosis.rst",
            category="Quality",
            labels={"library": "{map}, {model}", "content": "diagnosis"},
        ),
        verdict="results/{run}/quality/{map}.{model}.verdict.tsv",
        figures=expand("results/{{run}}/figures/diagnosis/{{map}}.{{model}}.{panel}.svg", panel=DIAGNOSIS_PANELS),
        others=expand(
            "results/{{run}}/figures/diagnosis/{{map}}.{{model}}.{panel}.{suffix}",
            panel=DIAGNOSIS_PANELS,
            suffix=["png", "tsv", "json"],
        ),
    log:
        "logs/{run}/quality/{map}.{model}.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        code=code("diagnose_contact_model.py"),
        settings=lambda wildcards: {
            "seeds": [seed for model, seed in bundles(wildcards.map) if model == wildcards.model],
            "references": contact_references(wildcards.map, wildcards.model),
        },
    message:
        "Diagnose {wildcards.model} on map {wildcards.map}"
    script:
        "../../scripts/diagnose_contact_model.py"
