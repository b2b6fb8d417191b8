# Whether a contact map can be used, in one sentence, and what it shows beside its targets.
MAP_PANELS = ["coverage", "masked", "balancing", "distance", "compartments", "insulation"]


rule annotate_contact_map:
    input:
        contacts="results/{run}/contacts/{map}/map.cool",
        genome=map_genome,
    output:
        compartments="results/{run}/contacts/{map}/compartments.tsv",
        insulation="results/{run}/contacts/{map}/insulation.tsv",
    log:
        "logs/{run}/contacts/{map}.annotate.log",
    benchmark:
        "logs/{run}/benchmarks/annotate_contact_map.{map}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=config["contacts"]["memory_mb"] + 2000,
        runtime=240,
    params:
        code=code("annotate_contact_map.py"),
    message:
        "Compartments and insulation of map {wildcards.map}"
    script:
        "../../scripts/annotate_contact_map.py"


rule assess_contact_map:
    input:
        contacts="results/{run}/contacts/{map}/map.cool",
        quality="results/{run}/contacts/{map}/quality.tsv",
        balancing="results/{run}/contacts/{map}/balancing.tsv",
        distance_law="results/{run}/contacts/{map}/distance_law.tsv",
        by_chromosome="results/{run}/contacts/{map}/distance_law_by_chromosome.tsv",
        compartments="results/{run}/contacts/{map}/compartments.tsv",
        insulation="results/{run}/contacts/{map}/insulation.tsv",
        replicate=replicate_law,
    output:
        page=report(
            "results/{run}/quality/{map}.html",
            caption="../report/map_quality.rst",
            category="Quality",
            labels={"map": "{map}", "content": "quality report"},
        ),
        verdict="results/{run}/quality/{map}.verdict.tsv",
        figures=expand("results/{{run}}/figures/map_quality/{{map}}.{panel}.svg", panel=MAP_PANELS),
        others=expand(
            "results/{{run}}/figures/map_quality/{{map}}.{panel}.{suffix}",
            panel=MAP_PANELS,
            suffix=["png", "tsv", "json"],
        ),
    log:
        "logs/{run}/quality/{map}.log",
    benchmark:
        "logs/{run}/benchmarks/assess_contact_map/{map}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("assess_contact_map.py"),
        settings=lambda wildcards: {
            "test": study.chromosomes(wildcards.map, "test"),
            "replicate": replicate_of(wildcards.map),
        },
    message:
        "Assess the quality of map {wildcards.map}"
    script:
        "../../scripts/assess_contact_map.py"
