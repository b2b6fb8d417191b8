# Each library gets its counts from exactly one chain of rules: by its kind when it has reads, by import when it has counts.
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
        library=one_of(libraries_with(source=["simulated", "fastq"], kind=["random"])),
    conda:
        "../../envs/reads.yaml"
    threads: up_to_half_the_cores(8)
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 480 * attempt,
    params:
        code=code("cluster_sequences.py"),
        settings={
            "reads": {key: config["reads"][key] for key in ("structure", "keep_flanks")},
            "seeds": {key: config["cluster"][key] for key in ("seed_mismatches", "seed_length")},
        },
    message:
        "Cluster the sequences of random library {wildcards.library}"
    script:
        "../../scripts/cluster_sequences.py"


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
        library=one_of(libraries_with(source=["simulated", "fastq"], kind=["designed"])),
    conda:
        "../../envs/reads.yaml"
    threads: up_to_half_the_cores(8)
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        code=code("align_designed.py"),
        settings={"reads": config["reads"], "max_distance": config["cluster"]["max_designed_mismatches"]},
    message:
        "Align the sequences of designed library {wildcards.library} to the ordered ones"
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
