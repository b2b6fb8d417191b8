# Virtual screens of the contact models of a map: disrupted sites, inserted sequences.
rule simulate_screen:
    input:
        unpack(simulated_screen_input),
    output:
        "results/{run}/simulated/{screen}.{part}",
    log:
        "logs/{run}/screens/{screen}.{part}.simulate_screen.log",
    wildcard_constraints:
        part=r"regions\.bed|inserted\.fa",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("simulate_screen.py"),
        settings=lambda wildcards: {
            "kind": screen_row(wildcards)["kind"],
            "seed": config["seed"],
            "chromosome": study.chromosomes(screen_row(wildcards)["dataset"], "test")[0],
            "other": study.chromosomes(screen_row(wildcards)["dataset"], "validation")[0],
        },
    message:
        "Simulate {wildcards.part} of screen {wildcards.screen}"
    script:
        "../../scripts/simulate_screen.py"


rule screen_disruptions:
    input:
        unpack(screen_input),
    output:
        table="results/{run}/screens/{screen}/{model}.parquet",
        tracks=directory("results/{run}/screens/{screen}/{model}.tracks"),
    log:
        "logs/{run}/screens/{screen}.{model}.screen.log",
    benchmark:
        "logs/{run}/benchmarks/screens/{screen}.{model}.tsv"
    wildcard_constraints:
        screen=one_of(study.screens_of("disruption")),
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=gpus(1),
    params:
        code=code("screen_contacts.py"),
        # Finished parts of a killed job; not an output, because Snakemake removes those before a job starts again.
        state=lambda wildcards: f"state/{wildcards.run}/screens/{wildcards.screen}/{wildcards.model}",
        settings=lambda wildcards: {
            "model": wildcards.model,
            "kind": screen_row(wildcards)["kind"],
            "regions": row_regions(screen_row(wildcards)),
            "rule": disruption_rule(screen_row(wildcards)) | {"seed": config["seed"]},
            "forward_only": screen_row(wildcards)["strands"] == "forward",
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Screen {wildcards.screen}: ask {wildcards.model}"
    script:
        "../../scripts/screen_contacts.py"


use rule screen_disruptions as screen_insertions with:
    output:
        table="results/{run}/screens/{screen}/{model}.parquet",
    wildcard_constraints:
        screen=one_of(study.screens_of("insertion")),


rule plot_screen:
    input:
        unpack(drawn_screen),
    output:
        strongest="results/{run}/screens/{screen}/strongest.tsv",
        svg=report(
            "results/{run}/figures/screens/{screen}.effects.svg",
            caption="../report/screen.rst",
            category="Screens",
            labels={"screen": "{screen}", "figure": "effects"},
        ),
        others=multiext("results/{run}/figures/screens/{screen}.effects", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/screens/{screen}.plot_screen.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, input: 1500 + int(10 * input.size_mb),
        runtime=20,
    params:
        code=code("plot_screen.py"),
        settings=lambda wildcards: {"kind": screen_row(wildcards)["kind"]},
    message:
        "Draw screen {wildcards.screen}"
    script:
        "../../scripts/plot_screen.py"
