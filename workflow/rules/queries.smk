# Sequences and regions that are no part of any data: predicted with the models of a dataset or a contact map.
EXCHANGED = 100  # sequences that an endpoint is asked


rule simulate_query:
    input:
        unpack(simulated_query_input),
    output:
        "results/{run}/simulated/{query}.{part}",
    log:
        "logs/{run}/queries/{query}.{part}.simulate_query.log",
    wildcard_constraints:
        part=r"query\.fa|query\.bed",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("simulate_query.py"),
        settings=simulated_query,
    message:
        "Simulate {wildcards.part} of query {wildcards.query}"
    script:
        "../../scripts/simulate_query.py"


rule query_expression:
    input:
        unpack(query_expression_input),
    output:
        "results/{run}/queries/{query}/predictions.parquet",
    log:
        "logs/{run}/queries/{query}.query_expression.log",
    benchmark:
        "logs/{run}/benchmarks/queries/{query}.tsv"
    wildcard_constraints:
        query=one_of(study.queries_of("expression")),
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=gpus(1),
    params:
        code=code("query_expression.py"),
        settings=lambda wildcards: {
            "models": [model for model, _ in query_bundles(wildcards)],
            "ends": ends(query_row(wildcards)),
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Query {wildcards.query}: predict its sequences"
    script:
        "../../scripts/query_expression.py"


rule query_track:
    input:
        unpack(queried),
        table="results/{run}/queries/{query}/predictions.parquet",
    output:
        "results/{run}/queries/{query}/{model}.bw",
    log:
        "logs/{run}/queries/{query}.{model}.query_track.log",
    wildcard_constraints:
        query=one_of(study.queries_of("expression")),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=lambda wildcards, input: 2000 + int(5 * input.size_mb),
        runtime=60,
    params:
        code=code("query_track.py"),
    message:
        "Query {wildcards.query}: write the track of {wildcards.model}"
    script:
        "../../scripts/query_track.py"


rule query_contacts:
    input:
        unpack(query_contacts_input),
    output:
        maps="results/{run}/queries/{query}/{model}.mcool",
        arrays="results/{run}/queries/{query}/{model}.npz",
        svg=report(
            "results/{run}/figures/queries/{query}.{model}.svg",
            caption="../report/query_contacts.rst",
            category="Queries",
            labels={"query": "{query}", "figure": "contact maps predicted by {model}"},
        ),
        others=multiext("results/{run}/figures/queries/{query}.{model}", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/queries/{query}.{model}.query_contacts.log",
    benchmark:
        "logs/{run}/benchmarks/queries/{query}.{model}.tsv"
    wildcard_constraints:
        query=one_of(study.queries_of("contacts")),
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=gpus(1),
    params:
        code=code("query_contacts.py"),
        settings=lambda wildcards: {
            "regions": query_regions(query_row(wildcards)),
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Query {wildcards.query}: predict contact maps with {wildcards.model}"
    script:
        "../../scripts/query_contacts.py"


rule plot_query:
    input:
        table="results/{run}/queries/{query}/predictions.parquet",
    output:
        svg=report(
            "results/{run}/figures/queries/{query}.predictions.svg",
            caption="../report/query_expression.rst",
            category="Queries",
            labels={"query": "{query}", "figure": "predicted expression"},
        ),
        others=multiext("results/{run}/figures/queries/{query}.predictions", ".png", ".tsv", ".json"),
    log:
        "logs/{run}/queries/{query}.plot_query.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=lambda wildcards, input: 1500 + int(10 * input.size_mb),
        runtime=20,
    params:
        code=code("plot_query.py"),
        settings=lambda wildcards: {"models": study.query_models(wildcards.query)},
    message:
        "Draw query {wildcards.query}"
    script:
        "../../scripts/plot_query.py"


rule ask_endpoint:
    input:
        unpack(endpoint_input),
    output:
        "results/{run}/queries/{query}/{model}.exchange.json",
    log:
        "logs/{run}/queries/{query}.{model}.ask_endpoint.log",
    wildcard_constraints:
        query=one_of(study.queries_of("expression")),
    conda:
        "../../envs/torch.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus(1),
    params:
        code=code("ask_endpoint.py"),
        settings=lambda wildcards: {
            "about": [query_row(wildcards)["species"], query_row(wildcards)["cell_type"]],
            "ends": ends(query_row(wildcards)),
            "most": EXCHANGED,
            "device": config["device"],
            "threads": config["training"]["threads"],
        },
    message:
        "Query {wildcards.query}: ask {wildcards.model} over HTTP on this machine"
    script:
        "../../scripts/ask_endpoint.py"
