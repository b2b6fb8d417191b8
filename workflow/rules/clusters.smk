# Each library gets its counts from exactly one chain of rules: by its kind when it has reads, by import when it has counts.
# What decides how sequences are compared: the flanks that are left out, and what the chosen method uses.
CLUSTER_SETTINGS = {
    "reads": {key: config["reads"][key] for key in ("structure", "keep_flanks")},
    "cluster": {
        key: config["cluster"][key]
        for key in {
            "bowtie2": ("method", "seed_mismatches", "seed_length", "bowtie2_options"),
            "pieces": ("method", "max_distance"),
        }[config["cluster"]["method"]]
    },
}
ALIGN_SHARDS = range(config["cluster"]["shards"])
DESIGNED_SETTINGS = {"reads": CLUSTER_SETTINGS["reads"], "max_distance": config["cluster"]["max_designed_mismatches"]}
DESIGNED_LIBRARIES = one_of(libraries_with(source=["simulated", "fastq"], kind=["designed"]))
RANDOM_LIBRARIES = one_of(libraries_with(source=["simulated", "fastq"], kind=["random"]))


if len(ALIGN_SHARDS) == 1:

    rule cluster_sequences:
        input:
            of_bins(".parquet"),
        output:
            members="results/{run}/clusters/{library}.members.parquet",
            elements="results/{run}/clusters/{library}.elements.parquet",
        log:
            "logs/{run}/clusters/{library}.cluster_sequences.log",
        benchmark:
            "logs/{run}/benchmarks/cluster_sequences/{library}.tsv"
        wildcard_constraints:
            library=RANDOM_LIBRARIES,
        conda:
            "../../envs/reads.yaml"
        threads: up_to_half_the_cores(8)
        resources:
            mem_mb=clustering_mb,
            runtime=lambda wildcards, attempt: 480 * attempt,
        params:
            code=code("cluster_sequences.py"),
            settings=CLUSTER_SETTINGS,
        message:
            "Cluster the sequences of random library {wildcards.library}"
        script:
            "../../scripts/cluster_sequences.py"

else:

    rule index_sequences:
        input:
            of_bins(".parquet"),
        output:
            pooled=temp("results/{run}/clusters/{library}.pooled.parquet"),
            index=temp(directory("results/{run}/clusters/{library}.bowtie2")),
        log:
            "logs/{run}/clusters/{library}.index_sequences.log",
        benchmark:
            "logs/{run}/benchmarks/index_sequences/{library}.tsv"
        wildcard_constraints:
            library=RANDOM_LIBRARIES,
        conda:
            "../../envs/reads.yaml"
        threads: up_to_half_the_cores(8)
        resources:
            mem_mb=clustering_mb,
            runtime=lambda wildcards, attempt: 240 * attempt,
        params:
            code=code("index_sequences.py"),
            settings={"reads": CLUSTER_SETTINGS["reads"]},
        message:
            "Build the index of random library {wildcards.library}"
        script:
            "../../scripts/index_sequences.py"

    rule align_shard:
        input:
            pooled="results/{run}/clusters/{library}.pooled.parquet",
            index="results/{run}/clusters/{library}.bowtie2",
        output:
            forest=temp("results/{run}/clusters/{library}.forest{shard}.parquet"),
        log:
            "logs/{run}/clusters/{library}.align_shard{shard}.log",
        benchmark:
            "logs/{run}/benchmarks/align_shard/{library}.{shard}.tsv"
        wildcard_constraints:
            library=RANDOM_LIBRARIES,
            shard="[0-9]+",
        conda:
            "../../envs/reads.yaml"
        threads: up_to_half_the_cores(8)
        resources:
            mem_mb=clustering_mb,
            runtime=lambda wildcards, attempt: 480 * attempt,
        params:
            code=code("align_shard.py"),
            settings=CLUSTER_SETTINGS | {"shards": len(ALIGN_SHARDS)},
        message:
            "Align shard {wildcards.shard} of random library {wildcards.library}"
        script:
            "../../scripts/align_shard.py"

    rule join_clusters:
        input:
            pooled="results/{run}/clusters/{library}.pooled.parquet",
            forests=[f"results/{{run}}/clusters/{{library}}.forest{shard}.parquet" for shard in ALIGN_SHARDS],
        output:
            members="results/{run}/clusters/{library}.members.parquet",
            elements="results/{run}/clusters/{library}.elements.parquet",
        log:
            "logs/{run}/clusters/{library}.join_clusters.log",
        wildcard_constraints:
            library=RANDOM_LIBRARIES,
        conda:
            "../../envs/reads.yaml"
        resources:
            mem_mb=clustering_mb,
            runtime=lambda wildcards, attempt: 60 * attempt,
        params:
            code=code("join_clusters.py"),
            settings={"shards": len(ALIGN_SHARDS)},
        message:
            "Join the clusters of random library {wildcards.library}"
        script:
            "../../scripts/join_clusters.py"


if len(ALIGN_SHARDS) == 1:

    rule align_designed:
        input:
            bins=of_bins(".parquet"),
            ordered=ordered_sequences,
        output:
            members="results/{run}/clusters/{library}.members.parquet",
            elements="results/{run}/clusters/{library}.elements.parquet",
        log:
            "logs/{run}/clusters/{library}.align_designed.log",
        benchmark:
            "logs/{run}/benchmarks/align_designed/{library}.tsv"
        wildcard_constraints:
            library=DESIGNED_LIBRARIES,
        conda:
            "../../envs/reads.yaml"
        threads: up_to_half_the_cores(8)
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        params:
            code=code("align_designed.py"),
            settings=DESIGNED_SETTINGS,
        message:
            "Align the sequences of designed library {wildcards.library} to the ordered ones"
        script:
            "../../scripts/align_designed.py"

else:

    rule align_designed_shard:
        input:
            bins=of_bins(".parquet"),
            ordered=ordered_sequences,
        output:
            nearest=temp("results/{run}/clusters/{library}.nearest{shard}.parquet"),
        log:
            "logs/{run}/clusters/{library}.align_designed_shard{shard}.log",
        benchmark:
            "logs/{run}/benchmarks/align_designed_shard/{library}.{shard}.tsv"
        wildcard_constraints:
            library=DESIGNED_LIBRARIES,
        conda:
            "../../envs/reads.yaml"
        threads: up_to_half_the_cores(8)
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        params:
            code=code("align_designed_shard.py"),
            settings=DESIGNED_SETTINGS | {"shards": len(ALIGN_SHARDS)},
        message:
            "Align shard {wildcards.shard} of designed library {wildcards.library} to the ordered sequences"
        script:
            "../../scripts/align_designed_shard.py"

    rule join_designed:
        input:
            bins=of_bins(".parquet"),
            ordered=ordered_sequences,
            nearest=[f"results/{{run}}/clusters/{{library}}.nearest{shard}.parquet" for shard in ALIGN_SHARDS],
        output:
            members="results/{run}/clusters/{library}.members.parquet",
            elements="results/{run}/clusters/{library}.elements.parquet",
        log:
            "logs/{run}/clusters/{library}.join_designed.log",
        wildcard_constraints:
            library=DESIGNED_LIBRARIES,
        conda:
            "../../envs/reads.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 60 * attempt,
        params:
            code=code("align_designed.py"),
            settings=DESIGNED_SETTINGS,
        message:
            "Join the shards of designed library {wildcards.library}"
        script:
            "../../scripts/align_designed.py"


rule count_elements:
    input:
        bins=of_bins(".parquet"),
        members="results/{run}/clusters/{library}.members.parquet",
        elements="results/{run}/clusters/{library}.elements.parquet",
    output:
        counts="results/{run}/clusters/{library}.counts.parquet",
        funnel="results/{run}/clusters/{library}.funnel.tsv",
    log:
        "logs/{run}/clusters/{library}.count_elements.log",
    wildcard_constraints:
        library=one_of(libraries_with(source=["simulated", "fastq"])),
    conda:
        "../../envs/reads.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        code=code("count_elements.py"),
        settings=lambda wildcards: {
            "bins": study.bin_names(wildcards.library),
            "kind": study.libraries[wildcards.library]["kind"],
        },
    message:
        "Count the elements of library {wildcards.library} in each bin"
    script:
        "../../scripts/count_elements.py"


rule import_counts:
    input:
        lambda wildcards: study.path(study.libraries[wildcards.library]["counts"]),
    output:
        counts="results/{run}/clusters/{library}.counts.parquet",
        funnel="results/{run}/clusters/{library}.funnel.tsv",
    log:
        "logs/{run}/clusters/{library}.import_counts.log",
    wildcard_constraints:
        library=one_of(libraries_with(source=["counts"])),
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        code=code("import_counts.py"),
        settings=counts_columns,
    message:
        "Import the counts of library {wildcards.library}"
    script:
        "../../scripts/import_counts.py"
