rule simulate_contacts:
    output:
        fasta="results/{run}/simulated/{map}.fa",
        mcool="results/{run}/simulated/{map}.mcool",
        truth="results/{run}/simulated/{map}.truth.npz",
        peaks="results/{run}/simulated/{map}.peaks.bed",
    log:
        "logs/{run}/simulate/{map}.log",
    benchmark:
        "logs/{run}/benchmarks/simulate_contacts.{map}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("simulate_contacts.py"),
        settings=lambda wildcards: {
            "seed": config["seed"],
            "n_chromosomes": config["simulation"]["chromosomes"],
            "chromosome_length": config["simulation"]["chromosome_length"],
            "resolution": study.maps[wildcards.map]["resolution"],
            "contacts": config["simulation"]["contacts"],
        },
    message:
        "Simulate genome and contacts of map {wildcards.map}"
    script:
        "../../scripts/simulate_contacts.py"


rule encode_genome:
    input:
        genome_fasta,
    output:
        "results/{run}/genome/{genome}.2bit",
    log:
        "logs/{run}/contacts/{genome}.genome.log",
    benchmark:
        "logs/{run}/benchmarks/encode_genome.{genome}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("encode_genome.py"),
    message:
        "Encode genome {wildcards.genome} at two bits per base"
    script:
        "../../scripts/encode_genome.py"


rule prepare_contact_map:
    input:
        contacts=map_contacts,
        genome=map_genome,
        rename=map_rename,
    output:
        contacts="results/{run}/contacts/{map}/map{res}.cool",
        quality="results/{run}/contacts/{map}/quality{res}.tsv",
        balancing="results/{run}/contacts/{map}/balancing{res}.tsv",
    log:
        "logs/{run}/contacts/{map}.prepare{res}.log",
    benchmark:
        "logs/{run}/benchmarks/prepare_contact_map.{map}{res}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=config["contacts"]["memory_mb"] + 2000,
        runtime=240,
    params:
        code=code("prepare_contact_map.py"),
        settings=lambda wildcards: {
            "resolution": map_resolution(wildcards),
            "base_resolution": study.maps[wildcards.map]["base_resolution"],
            "length_tolerance": study.maps[wildcards.map]["length_tolerance"] or 0,
            "weights": study.maps[wildcards.map]["weights"],
        },
        checked=lambda wildcards: unrecorded(
            validation=study.chromosomes(wildcards.map, "validation"), test=study.chromosomes(wildcards.map, "test")
        ),
    message:
        "Prepare contact map {wildcards.map}{wildcards.res}"
    script:
        "../../scripts/prepare_contact_map.py"


rule compute_expected:
    input:
        "results/{run}/contacts/{map}/map{res}.cool",
    output:
        expected="results/{run}/contacts/{map}/expected{res}.npz",
        distance_law="results/{run}/contacts/{map}/distance_law{res}.tsv",
        by_chromosome="results/{run}/contacts/{map}/distance_law_by_chromosome{res}.tsv",
    log:
        "logs/{run}/contacts/{map}.expected{res}.log",
    benchmark:
        "logs/{run}/benchmarks/compute_expected.{map}{res}.tsv"
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        code=code("compute_expected.py"),
    message:
        "Compute the expected contacts of map {wildcards.map}{wildcards.res}"
    script:
        "../../scripts/compute_expected.py"


rule plot_distance_law:
    input:
        expected="results/{run}/contacts/{map}/expected.npz",
        distance_law="results/{run}/contacts/{map}/distance_law.tsv",
        by_chromosome="results/{run}/contacts/{map}/distance_law_by_chromosome.tsv",
    output:
        svg=report(
            "results/{run}/figures/contacts/{map}.distance_law.svg",
            caption="../report/distance_law.rst",
            category="Contact maps",
            labels={"map": "{map}", "figure": "distance law"},
        ),
        others=multiext("results/{run}/figures/contacts/{map}.distance_law", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/contacts/{map}.distance_law.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=code("plot_distance_law.py"),
    message:
        "Plot contacts by distance of map {wildcards.map}"
    script:
        "../../scripts/plot_distance_law.py"


rule plot_contact_map:
    input:
        contacts="results/{run}/contacts/{map}/map.cool",
        expected="results/{run}/contacts/{map}/expected.npz",
        truth=branch(
            lambda wildcards: study.maps[wildcards.map]["source"] == "simulated",
            then="results/{run}/simulated/{map}.truth.npz",
        ),
    output:
        svg=report(
            "results/{run}/figures/contacts/{map}.map.svg",
            caption="../report/contact_map.rst",
            category="Contact maps",
            labels={"map": "{map}", "figure": "map"},
        ),
        others=multiext("results/{run}/figures/contacts/{map}.map", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/contacts/{map}.map.log",
    conda:
        "../../envs/hic.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        code=code("plot_contact_map.py"),
        settings=lambda wildcards: {"chromosomes": study.chromosomes(wildcards.map, "test")},
    message:
        "Plot a region of map {wildcards.map}"
    script:
        "../../scripts/plot_contact_map.py"
