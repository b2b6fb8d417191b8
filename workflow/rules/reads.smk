# With one shard a bin is counted by one job; with more, each shard takes its share of the reads and the runs are joined.
COUNTED = libraries_with(source=["simulated", "fastq"])
COUNT_SHARDS = range(config["reads"]["shards"])


rule count_reads:
    input:
        unpack(fastq_files),
        check=read_check,
    output:
        counts="results/{run}/reads/{library}/{bin}.parquet",
        funnel="results/{run}/reads/{library}/{bin}.funnel.tsv",
    log:
        "logs/{run}/reads/{library}.{bin}.log",
    benchmark:
        "logs/{run}/benchmarks/count_reads/{library}.{bin}.tsv"
    wildcard_constraints:
        library=one_of(COUNTED if len(COUNT_SHARDS) == 1 else []),
    conda:
        "../../envs/reads.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: (1000 + config["reads"]["memory_mb"]) * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("count_reads.py"),
        settings=lambda wildcards: {"reads": READ_SETTINGS, "barcodes": lane_barcodes(wildcards)},
    message:
        "Merge and count the reads of bin {wildcards.bin} of library {wildcards.library}"
    script:
        "../../scripts/count_reads.py"


rule count_shard:
    input:
        unpack(fastq_files),
        check=read_check,
    output:
        run=temp("results/{run}/reads/{library}/{bin}.shard{shard}.npy"),
        funnel=temp("results/{run}/reads/{library}/{bin}.shard{shard}.funnel.tsv"),
    log:
        "logs/{run}/reads/{library}.{bin}.shard{shard}.log",
    benchmark:
        "logs/{run}/benchmarks/count_shard/{library}.{bin}.{shard}.tsv"
    wildcard_constraints:
        library=one_of(COUNTED if len(COUNT_SHARDS) > 1 else []),
        shard=one_of(map(str, COUNT_SHARDS)),
    conda:
        "../../envs/reads.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: (1000 + config["reads"]["memory_mb"]) * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("count_shard.py"),
        settings=lambda wildcards: {"reads": READ_SETTINGS, "barcodes": lane_barcodes(wildcards)},
    message:
        "Merge and count the reads of bin {wildcards.bin} of library {wildcards.library}, shard {wildcards.shard}"
    script:
        "../../scripts/count_shard.py"


rule join_shards:
    input:
        runs=expand("results/{{run}}/reads/{{library}}/{{bin}}.shard{shard}.npy", shard=COUNT_SHARDS),
        funnels=expand("results/{{run}}/reads/{{library}}/{{bin}}.shard{shard}.funnel.tsv", shard=COUNT_SHARDS),
    output:
        counts="results/{run}/reads/{library}/{bin}.parquet",
        funnel="results/{run}/reads/{library}/{bin}.funnel.tsv",
    log:
        "logs/{run}/reads/{library}.{bin}.join_shards.log",
    wildcard_constraints:
        library=one_of(COUNTED if len(COUNT_SHARDS) > 1 else []),
    conda:
        "../../envs/reads.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=code("join_shards.py"),
        settings=READ_SETTINGS,
    message:
        "Join the shards of bin {wildcards.bin} of library {wildcards.library}"
    script:
        "../../scripts/join_shards.py"


rule plot_funnel:
    input:
        reads=of_bins(".funnel.tsv"),
        clusters="results/{run}/clusters/{library}.funnel.tsv",
    output:
        svg=report(
            "results/{run}/figures/reads/{library}.funnel.svg",
            caption="../report/reads_funnel.rst",
            category="Reads",
            labels={"library": "{library}", "figure": "reads lost by step"},
        ),
        others=multiext("results/{run}/figures/reads/{library}.funnel", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/reads/{library}.plot_funnel.log",
    wildcard_constraints:
        library=one_of(COUNTED),
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("plot_funnel.py"),
    message:
        "Draw where the reads of library {wildcards.library} are lost"
    script:
        "../../scripts/plot_funnel.py"
