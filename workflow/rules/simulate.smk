# Input of the demo's expression arm: a random and a designed reporter library, sorted and sequenced.
SIMULATED_BINS = {
    library: [
        {key: row[key] for key in ("bin", "role", "position", "lower_quantile", "upper_quantile")}
        for row in study.bins[library]
    ]
    for library, row in study.libraries.items()
    if row["source"] == "simulated"
}
SUBSETS = (
    "all_random_seqs",
    "yeast_seqs",
    "high_exp_seqs",
    "low_exp_seqs",
    "challenging_seqs",
    "all_SNVs_seqs",
    "motif_perturbation_seqs",
    "motif_tiling_seqs",
)


rule simulate_random_library:
    output:
        truth="results/{run}/simulated/{library}.truth.parquet",
        bin_reads="results/{run}/simulated/{library}.bin_reads.parquet",
        bins="results/{run}/simulated/{library}.bins.tsv",
    log:
        "logs/{run}/simulate/{library}.library.log",
    benchmark:
        "logs/{run}/benchmarks/simulate_library.{library}.tsv"
    wildcard_constraints:
        library=one_of([name for name in SIMULATED_BINS if study.libraries[name]["kind"] == "random"]),
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("simulate_library.py"),
        settings=lambda wildcards: {
            "library": wildcards.library,
            "sample": study.libraries[wildcards.library]["sample"],
            "kind": "random",
            "seed": config["seed"],
            "flanks": {"distal": STRUCTURE.distal_flank, "proximal": STRUCTURE.proximal_flank},
            "bins": SIMULATED_BINS[wildcards.library],
            "simulation": {
                "promoters": config["simulation"]["promoters"],
                "reads_per_element": config["simulation"]["reads_per_promoter"],
                "cells_per_element": config["simulation"]["cells_per_promoter"],
                "cell_noise": config["simulation"]["cell_noise"],
            },
        },
    message:
        "Simulate random library {wildcards.library}: promoters, sorted cells, reads per bin"
    script:
        "../../scripts/simulate_library.py"


rule simulate_designed_library:
    output:
        truth="results/{run}/simulated/{library}.truth.parquet",
        bin_reads="results/{run}/simulated/{library}.bin_reads.parquet",
        bins="results/{run}/simulated/{library}.bins.tsv",
        ordered="results/{run}/simulated/{library}.ordered.tsv",
        subsets=collect("results/{{run}}/simulated/{{library}}.subsets/test_subset_ids/{subset}.csv", subset=SUBSETS),
    log:
        "logs/{run}/simulate/{library}.library.log",
    benchmark:
        "logs/{run}/benchmarks/simulate_library.{library}.tsv"
    wildcard_constraints:
        library=one_of([name for name in SIMULATED_BINS if study.libraries[name]["kind"] == "designed"]),
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("simulate_library.py"),
        settings=lambda wildcards: {
            "library": wildcards.library,
            "sample": study.libraries[wildcards.library]["sample"],
            "kind": "designed",
            "seed": config["seed"],
            "flanks": {"distal": STRUCTURE.distal_flank, "proximal": STRUCTURE.proximal_flank},
            "bins": SIMULATED_BINS[wildcards.library],
            "simulation": {
                "reads_per_element": config["simulation"]["designed_reads_per_element"],
                "cells_per_element": config["simulation"]["designed_cells_per_element"],
                "cell_noise": config["simulation"]["cell_noise"],
            },
        },
    message:
        "Simulate designed library {wildcards.library}: sequences, subsets, sorted cells, reads per bin"
    script:
        "../../scripts/simulate_library.py"


# One job per library rather than per bin (a job takes longer to start than a bin takes to write); a rule per library,
# because libraries differ in their bins.
for simulated in SIMULATED_BINS:

    rule:
        name:
            f"simulate_reads_{simulated}"
        input:
            truth=f"results/{{run}}/simulated/{simulated}.truth.parquet",
            bin_reads=f"results/{{run}}/simulated/{simulated}.bin_reads.parquet",
        output:
            read1=collect(
                "results/{{run}}/simulated/reads/{library}/{bin}_R1.fastq.gz",
                library=simulated,
                bin=study.bin_names(simulated),
            ),
            read2=collect(
                "results/{{run}}/simulated/reads/{library}/{bin}_R2.fastq.gz",
                library=simulated,
                bin=study.bin_names(simulated),
            ),
        log:
            f"logs/{{run}}/simulate/{simulated}.reads.log",
        benchmark:
            f"logs/{{run}}/benchmarks/simulate_reads.{simulated}.tsv"
        conda:
            "../../envs/table.yaml"
        resources:
            mem_mb=1500,
            runtime=20,
        params:
            code=code("simulate_reads.py"),
            settings={
                "library": simulated,
                "seed": config["seed"],
                "substitution_error": config["simulation"]["substitution_error"],
            },
        message:
            f"Simulate the read pairs of library {simulated}"
        script:
            "../../scripts/simulate_reads.py"


rule plot_simulated_library:
    input:
        truth="results/{run}/simulated/{library}.truth.parquet",
        bins="results/{run}/simulated/{library}.bins.tsv",
    output:
        svg=report(
            "results/{run}/figures/simulate/{library}.overview.svg",
            caption="../report/simulated_library.rst",
            category="Simulated input",
            labels={"library": "{library}", "figure": "overview"},
        ),
        others=multiext("results/{run}/figures/simulate/{library}.overview", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/simulate/{library}.overview.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("plot_simulated_library.py"),
    message:
        "Draw simulated library {wildcards.library}"
    script:
        "../../scripts/plot_simulated_library.py"
