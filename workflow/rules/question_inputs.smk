# What trained models are asked about: inputs of the rules of variants, screens, queries and designed libraries.


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


def asked_model(run, name, model):
    """Bundles of a model of a dataset or contact map; of a map also genome and expected contacts."""
    folders = [f"results/{run}/models/{name}/{model}/seed{seed}" for known, seed in bundles(name) if known == model]
    given = {file: [f"{folder}/{path}" for folder in folders] for file, path in BUNDLE_OUTPUTS.items()}
    if name in study.maps:
        given["genome"] = map_fasta(run, name)
        given["expected"] = map_file(run, name, "expected", "npz", study.resolution(model, name))
    return given


def variants_of_model(wildcards, model):
    """Variants, bundles of a model, and what it is shown."""
    row, run = variant_row(wildcards), wildcards.run
    given = asked_model(run, row["dataset"], model) | {"vcf": variant_file(wildcards)}
    if row["dataset"] in study.maps and study.maps[row["dataset"]]["rename"]:
        given["rename"] = study.path(study.maps[row["dataset"]]["rename"])
    if row["constructs"] == "simulated":
        return given | {"constructs": simulated_library(run, row["dataset"])}
    shown = {column: row[column] for column in ("constructs", "intervals", "genome", "rename")}
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


def design_input(wildcards):
    """Bundles of the models that make a design, and its promoters."""
    row = study.designs[wildcards.design]
    folders = [
        f"results/{wildcards.run}/models/{row['dataset']}/{model}/seed{seed}"
        for model, seed in designing_bundles(wildcards.design)
    ]
    found = {name: [f"{folder}/{file}" for folder in folders] for name, file in BUNDLE_OUTPUTS.items()}
    return found | ({"promoters": study.path(row["promoters"])} if row["promoters"] else {})


def screen_row(wildcards):
    """Row of the screens sheet."""
    return study.screens[wildcards.screen]


def simulated_screen_input(wildcards):
    """Simulated genome of a screen, and its motif sites."""
    name = screen_row(wildcards)["dataset"]
    return {
        "genome": f"results/{wildcards.run}/simulated/{name}.fa",
        "peaks": peak_files(wildcards.run, name)[0],
    }


def screen_input(wildcards):
    """Bundles of a model, what it is shown, and what it is asked."""
    row, run = screen_row(wildcards), wildcards.run
    given = asked_model(run, row["dataset"], wildcards.model)
    made = f"results/{run}/simulated/{wildcards.screen}"
    if row_regions(row) is None:
        simulated = row["regions"] == "simulated"
        given["regions"] = f"{made}.regions.bed" if simulated else study.path(row["regions"])
    if row["sequences"]:
        simulated = row["sequences"] == "simulated"
        given["sequences"] = f"{made}.inserted.fa" if simulated else study.path(row["sequences"])
    exclude = study.maps[row["dataset"]]["exclude"]
    return given | ({"exclude": study.path(exclude)} if exclude else {})


def drawn_screen(wildcards):
    """Tables of the models of a screen, and the peaks that its map has."""
    folder = f"results/{wildcards.run}/screens/{wildcards.screen}"
    return {
        "tables": [f"{folder}/{model}.parquet" for model in study.screen_models(wildcards.screen)],
        "peaks": peak_files(wildcards.run, screen_row(wildcards)["dataset"]),
    }


def query_row(wildcards):
    """Row of the queries sheet."""
    return study.queries[wildcards.query]


def simulated_query_input(wildcards):
    """Simulated genome that a query is about, and its motif sites; nothing for sequences."""
    name = query_row(wildcards)["dataset"]
    if name not in study.maps:
        return {}
    return {"genome": f"results/{wildcards.run}/simulated/{name}.fa", "peaks": peak_files(wildcards.run, name)[0]}


def queried(wildcards):
    """Files of sequences or intervals that a query names."""
    row, made = query_row(wildcards), f"results/{wildcards.run}/simulated/{wildcards.query}.query"
    if row["sequences"]:
        return {"sequences": f"{made}.fa" if row["sequences"] == "simulated" else study.path(row["sequences"])}
    if row["dataset"] in study.maps and query_regions(row):
        return {}
    given = {"intervals": f"{made}.bed" if row["intervals"] == "simulated" else study.path(row["intervals"])}
    return given | ({"genome": study.path(row["genome"])} if row["genome"] else {})


def query_bundles(wildcards):
    """Pairs of (model, seed) that answer a query, in the order of its models."""
    found = bundles(query_row(wildcards)["dataset"])
    return [pair for model in study.query_models(wildcards.query) for pair in found if pair[0] == model]


def query_expression_input(wildcards):
    """Bundles of all models of a query, and what they are shown."""
    name = query_row(wildcards)["dataset"]
    folders = [f"results/{wildcards.run}/models/{name}/{model}/seed{seed}" for model, seed in query_bundles(wildcards)]
    given = {file: [f"{folder}/{path}" for folder in folders] for file, path in BUNDLE_OUTPUTS.items()}
    return given | queried(wildcards)


def query_contacts_input(wildcards):
    """Bundles of one model of a query, its expected contacts, and what it is shown."""
    name = query_row(wildcards)["dataset"]
    given = asked_model(wildcards.run, name, wildcards.model) | queried(wildcards)
    return given | {"peaks": peak_files(wildcards.run, name)}


def endpoint_input(wildcards):
    """Bundles of one model of a query, what it is shown, and what it was found to predict."""
    given = asked_model(wildcards.run, query_row(wildcards)["dataset"], wildcards.model) | queried(wildcards)
    return given | {"table": f"results/{wildcards.run}/queries/{wildcards.query}/predictions.parquet"}


def ends(row):
    """Constant bases in front of and behind every sequence that models are shown."""
    return [(row[end] or "").upper() for end in ("left", "right")]


def simulated_query(wildcards):
    """What is drawn: promoters between the flanks that models know, or regions of a test chromosome."""
    name = query_row(wildcards)["dataset"]
    if name in study.maps:
        return {"seed": config["seed"], "chromosome": study.chromosomes(name, "test")[0]}
    flanks = {"distal": STRUCTURE.distal_flank, "proximal": STRUCTURE.proximal_flank}
    kept = config["reads"]["keep_flanks"]
    return {"seed": config["seed"], "flanks": {end: bases if kept else "" for end, bases in flanks.items()}}


def scored_tables(wildcards):
    """Tables with the scores of the models of a dataset or contact map, which their cards show."""
    name, folder = wildcards.trained_on, f"results/{wildcards.run}/evaluation"
    if name in study.maps:
        return [f"{folder}/{view}/contact_summary.tsv" for view in study.views(name)]
    return [f"{folder}/{name}/scores.tsv"] if ranked(name) else []
