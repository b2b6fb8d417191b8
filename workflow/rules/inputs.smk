# What rules ask for as input or settings, as functions of their wildcards; the lists of the whole run are in common.smk.
def lanes_of(run, library, name):
    """Lanes of a bin: FASTQ files (read2 None for single reads) and the in-line barcode, if any."""
    if study.libraries[library]["source"] == "simulated":
        stem = f"results/{run}/simulated/reads/{library}/{name}"
        return [{"read1": f"{stem}_R1.fastq.gz", "read2": f"{stem}_R2.fastq.gz", "barcode": ""}]
    return [
        {
            "read1": study.path(row["read1"]),
            "read2": row["read2"] and study.path(row["read2"]),
            "barcode": row["barcode"] or "",
        }
        for row in study.reads[library, name]
    ]


def fastq_of(lanes):
    """FASTQ files of lanes: lists read1 and, for pairs, read2."""
    files = {column: [lane[column] for lane in lanes if lane[column]] for column in ("read1", "read2")}
    return {column: paths for column, paths in files.items() if paths}


def fastq_files(wildcards):
    """FASTQ files of a bin."""
    return fastq_of(lanes_of(wildcards.run, wildcards.library, wildcards.bin))


def lane_barcodes(wildcards):
    """In-line barcode of a bin in each lane; none without barcodes in the read structure."""
    barcodes = [lane["barcode"] for lane in lanes_of(wildcards.run, wildcards.library, wildcards.bin)]
    return barcodes if STRUCTURE.barcode_length else []


def library_fastq(wildcards):
    """FASTQ files of all bins of a library, in the order of the bins."""
    names = study.bin_names(wildcards.library)
    return fastq_of([lane for name in names for lane in lanes_of(wildcards.run, wildcards.library, name)])


def library_lanes(wildcards):
    """What the read check must know of each lane of a library beside the files, in the order of the bins."""
    return [
        {"bin": name, "lane": number, "paired": bool(lane["read2"]), "barcode": lane["barcode"]}
        for name in study.bin_names(wildcards.library)
        for number, lane in enumerate(lanes_of(wildcards.run, wildcards.library, name), 1)
    ]


def read_check(wildcards):
    """Table of the read check that must be there before reads are counted; nothing when the check is off."""
    return [f"results/{wildcards.run}/reads/{wildcards.library}.check.tsv"] if config["reads"]["check_reads"] else []


def of_bins(suffix):
    """Input function: one file of the reads stage for each bin of a library, in the order of the bins."""
    return lambda wildcards: [
        f"results/{wildcards.run}/reads/{wildcards.library}/{name}{suffix}"
        for name in study.bin_names(wildcards.library)
    ]


def ordered_sequences(wildcards):
    """Ordered sequences of a designed library."""
    if study.libraries[wildcards.library]["source"] == "simulated":
        return f"results/{wildcards.run}/simulated/{wildcards.library}.ordered.tsv"
    return study.path(study.libraries[wildcards.library]["ordered_sequences"])


def map_file(run, name, stem, extension, resolution=None):
    """File of a prepared map at a resolution (None: that of the sheet), e.g. stem `expected` and extension `npz`."""
    return f"results/{run}/contacts/{name}/{stem}{study.suffix(name, resolution)}.{extension}"


def map_of_model(stem, extension):
    """Input function: file of a map at the resolution that a model reads it at."""
    return lambda wildcards: map_file(
        wildcards.run, wildcards.map, stem, extension, study.resolution(wildcards.model, wildcards.map)
    )


def contact_predictions(wildcards, view=None):
    """Predictions of the models of a view (that of the wildcards), in the order of the models sheet."""
    view = view or wildcards.view
    folder = f"results/{wildcards.run}/predictions/{study.map_of(view)}"
    return [f"{folder}/{row['model']}.contacts.npz" for row in study.viewed(view)]


def view_ceiling(wildcards):
    """Ceiling of the windows of a view, measured for the diagnosis of its first network; none without diagnosis."""
    name = study.map_of(wildcards.view)
    models = [row["model"] for row in study.viewed(wildcards.view) if (name, row["model"]) in diagnosed()]
    return [f"results/{wildcards.run}/diagnosis/{name}/{model}.ceiling.tsv" for model in models[:1]]


def contact_max_missing(view):
    """Largest share of missing fine pixels behind an entry of a view that counts."""
    return study.shared_setting(view, "evaluation", "max_missing_in_bin", 0.25)


def exported_model(wildcards):
    """Model whose predictions are exported; the observed maps are those of the first model's file."""
    if wildcards.exported == "observed":
        return study.viewed(wildcards.view)[0]["model"]
    return wildcards.exported


def drawn_maps(wildcards):
    """What predicted maps are drawn from: predictions and their scores, and genes, peaks and signals where given."""
    row = study.maps[study.map_of(wildcards.view)]
    return {
        "predictions": contact_predictions(wildcards),
        "scores": f"results/{wildcards.run}/evaluation/{wildcards.view}/contact_scores.tsv",
        "genes": [study.path(row["genes"])] if row["genes"] else [],
        "peaks": peak_files(wildcards.run, row["map"]),
        "signals": [study.path(name.strip()) for name in (row["signals"] or "").split(",") if name.strip()],
    }


def drawing_settings(wildcards):
    """Models, regions and colours of drawn maps; of one window where the rule has that wildcard."""
    return {
        "models": [row["model"] for row in study.viewed(wildcards.view)],
        "regions": study.drawn_regions(wildcards.view),
        "limits": config["contact_figures"]["limits"],
        "max_missing": contact_max_missing(wildcards.view),
        "window": dict(wildcards.items()).get("window"),
    }


def map_contacts(wildcards):
    """File or files of contacts that a map is prepared from; pairs are binned once, coarser maps summed from that."""
    row = study.maps[wildcards.map]
    if row["source"] == "simulated":
        return f"results/{wildcards.run}/simulated/{wildcards.map}.mcool"
    if row["source"] == "pairs" and wildcards.res:
        return map_file(wildcards.run, wildcards.map, "map", "cool")
    return [study.path(name) for name in study.contact_files(wildcards.map)]


def map_rename(wildcards):
    """Rename table of a map; none where its chromosomes already have the names of the genome."""
    row = study.maps[wildcards.map]
    return study.path(row["rename"]) if row["rename"] and not (row["source"] == "pairs" and wildcards.res) else []


def map_resolution(wildcards):
    """Bin size (bp) of the files of a map, by their suffix."""
    return int(wildcards.res[1:]) if wildcards.res else study.maps[wildcards.map]["resolution"]


def map_exclude(wildcards):
    """BED file of the intervals that training windows of a contact map must not touch; none is a list without files."""
    name = study.maps[wildcards.map]["exclude"]
    return [study.path(name)] if name else []


def start_bundle(wildcards):
    """Files of the bundle that a contact model starts from; none is a list without files."""
    return start_files(wildcards, int(wildcards.seed))


def start_files(wildcards, seed):
    """Files of the bundle that a seed of a contact model starts from."""
    start = study.start_of(wildcards.model, wildcards.map, seed)
    if start is None:
        return []
    folder = start
    if not isinstance(start, str):
        folder = f"results/{wildcards.run}/models/{wildcards.map}/{start[0]}/seed{start[1]}"
    return [f"{folder}/{name}" for name in BUNDLE_FILES]


def contact_processes(wildcards):
    """Processes that train a contact model together."""
    return study.recipe(wildcards.model, wildcards.map).get("training", {}).get("processes", 1)


def contact_threads(wildcards):
    """Threads of a contact training: torch's and the processes that read ahead, for each process."""
    loaders = study.recipe(wildcards.model, wildcards.map).get("training", {}).get("loaders", 0)
    return contact_processes(wildcards) * (config["training"]["threads"] + loaders)


def contact_mb(wildcards):
    """Memory of a contact training: the network, and what the processes hold that read windows ahead."""
    resolution = study.resolution(wildcards.model, wildcards.map)
    return contact_processes(wildcards) * (6000 + reading_mb(contact_settings(whole_recipe(wildcards)), resolution))


def whole_recipe(wildcards):
    """Recipe of a contact model, with what it takes from the other models of its map."""
    others = {row["model"]: study.recipes[row["recipe"]] for row in study.models_of(wildcards.map)}
    return fill_from_others(study.recipe(wildcards.model, wildcards.map), others)


def tested_windows(wildcards):
    """Which windows a contact model is tested on."""
    return whole_recipe(wildcards)["evaluation"]


def learned_recipe(wildcards):
    """What the training of a contact model depends on: of a network's recipe all but the windows that it is tested on."""
    recipe = whole_recipe(wildcards)
    return {key: value for key, value in recipe.items() if key != "evaluation" or recipe["model"] != "network"}


def overfit_start(wildcards):
    """Files of the bundle that a diagnosed model starts from: of the first of its seeds."""
    seed = next(seed for model, seed in bundles(wildcards.map) if model == wildcards.model)
    return start_files(wildcards, seed)


def ceiling_mb(wildcards):
    """Memory of the diagnosis of a map in the windows of a model."""
    return 4000 + parts_mb(contact_settings(whole_recipe(wildcards)), study.resolution(wildcards.model, wildcards.map))


def replicate_of(name):
    """Replicate of a contact map: the map that names it in column `replicate_of`, or that it names; None without one."""
    given = study.maps[name]["replicate_of"]
    return given or next((other for other, row in study.maps.items() if row["replicate_of"] == name), None)


def replicate_files(wildcards):
    """Prepared map and expected contacts of a map's replicate at the resolution of a model; none without replicate."""
    other = replicate_of(wildcards.map)
    if other is None:
        return []
    resolution = study.resolution(wildcards.model, wildcards.map)
    return [map_file(wildcards.run, other, *of, resolution) for of in (("map", "cool"), ("expected", "npz"))]


def replicate_law(wildcards):
    """Distance law of a map's replicate; none without replicate."""
    other = replicate_of(wildcards.map)
    return map_file(wildcards.run, other, "distance_law", "tsv") if other else []


def diagnosis_input(wildcards):
    """What the diagnosis of a contact model is made of; one window learnt by heart where the config asks for it."""
    run, name, model = f"results/{wildcards.run}", wildcards.map, wildcards.model
    stem = f"{run}/diagnosis/{name}/{model}"
    given = {table: f"{stem}.{table}.tsv" for table in ("ceiling", "by_distance", "targets", "histogram")}
    given["scores"] = f"{run}/evaluation/{study.view_of(name, model)}/contact_summary.tsv"
    if overfit_steps(name, model):
        given["one_window"] = f"{stem}.one_window.tsv"
    histories = {
        other: [f"{run}/models/{name}/{other}/seed{seed}/history.tsv" for m, seed in bundles(name) if m == other]
        for other in [model, *contact_references(name, model)]
    }
    given["histories"] = histories[model]
    if contact_references(name, model):
        given["references"] = [histories[other][0] for other in contact_references(name, model)]
    return given


def genome_fasta(wildcards):
    """FASTA of a genome, of the first map that has it."""
    name = next(name for name, genome in study.genomes().items() if genome == wildcards.genome)
    if study.maps[name]["source"] == "simulated":
        return f"results/{wildcards.run}/simulated/{name}.fa"
    return study.path(study.maps[name]["genome"])


def map_genome(wildcards):
    """Genome of a contact map at two bits per base: encoded by the run, or the file of the sheet where that is so."""
    given = study.maps[wildcards.map]["genome"] or ""
    if given.endswith(".2bit"):
        return study.path(given)
    return f"results/{wildcards.run}/genome/{study.genomes()[wildcards.map]}.2bit"


def map_peaks(wildcards):
    """BED files of the profile tracks of a contact map; none is a list without files."""
    return peak_files(wildcards.run, wildcards.map)


def peak_files(run, name):
    """BED files of the profile tracks of a map by its name."""
    row = study.maps[name]
    if row["source"] == "simulated":
        return [f"results/{run}/simulated/{name}.peaks.bed"]
    return [study.path(peaks.strip()) for peaks in (row["peaks"] or "").split(",") if peaks.strip()]


def public_content(source):
    """What decides the content of a public file: its digest, or where it comes from when none was published."""
    return source.sha256 or source.md5 or list(source.urls)


def fold_tables(wildcards):
    """Tables of a dataset that is divided into folds, and what must be good before they are used."""
    row = study.datasets[wildcards.dataset]
    names = {column: listed(row[column]) for column in ("train_table", "sequence_files")}
    given = {column: [study.path(name) for name in own] for column, own in names.items()}
    return {**given, "checks": checks_of(*names["train_table"], *names["sequence_files"])}


def counts_columns(wildcards):
    """Columns of a table of counts: the sequence, and the column of each bin."""
    row = study.libraries[wildcards.library]
    return {
        "sequence_column": row["sequence_column"],
        "columns": {b["bin"]: b["column"] for b in study.bins[wildcards.library]},
    }


def dataset_input(wildcards):
    """Training rows and test rows of a dataset, each from a table or a library's estimates, and a test library's order."""
    row = study.datasets[wildcards.dataset]
    given = {}
    for side in ("train", "test"):
        library = row[f"{side}_library"]
        if row[f"{side}_table"]:
            paths = [study.path(name) for name in listed(row[f"{side}_table"])]
            given[f"{side}_table"] = paths if side == "train" else paths[0]
        elif library:
            method = row[f"{side}_method"]
            given[f"{side}_library"] = f"results/{wildcards.run}/expression/{library}.{method}.parquet"
    for column in ("validation_table", "sequence_files"):
        if row[column]:
            given[column] = [study.path(name) for name in listed(row[column])]
    columns = ("train_table", "test_table", "validation_table", "sequence_files")
    given["checks"] = checks_of(*(name for column in columns for name in listed(row[column])))
    if row["test_library"]:
        library = study.libraries[study.members(row["test_library"])[0]]
        if library["kind"] == "designed" and (library["source"] == "simulated" or library["ordered_sequences"]):
            given["test_ordered"] = (
                f"results/{wildcards.run}/simulated/{library['library']}.ordered.tsv"
                if library["source"] == "simulated"
                else study.path(library["ordered_sequences"])
            )
    return given


def evaluation_input(wildcards):
    """What the scores of a dataset are computed from: test rows, predictions, and subsets where there are any."""
    row = study.datasets[wildcards.dataset]
    names = [model["model"] for model in study.tested_on(wildcards.dataset)]
    names += ["submitted"] if row["predictions"] else []
    given = {
        "dataset": f"results/{wildcards.run}/datasets/{wildcards.dataset}.parquet",
        "predictions": [f"results/{wildcards.run}/predictions/{wildcards.dataset}/{name}.parquet" for name in names],
    }
    if row["subsets"] == "simulated":
        library = study.members(row["test_library"])[0]
        folder = f"results/{wildcards.run}/simulated/{library}.subsets/test_subset_ids"
        given["subsets"] = [f"{folder}/{name}.csv" for name in SUBSETS]
    elif row["subsets"]:
        given["subsets"] = study.files_under(row["subsets"])
    return given


def head_ceiling(wildcards):
    """Noise ceiling of the measurement that a figure is about; further ones come from tables, which carry no errors."""
    return [] if wildcards.head else f"results/{wildcards.run}/datasets/{wildcards.dataset}.ceiling.tsv"


def interpretation_input(wildcards):
    """What the models of a dataset are looked into with: their bundles, test rows, and subsets where there are any."""
    given = evaluation_input(wildcards)
    del given["predictions"]
    folders = bundle_folders(wildcards)
    for kind, file in (("weights", "weights.safetensors"), ("manifests", "manifest.json")):
        given[kind] = [f"{folder}/{file}" for folder in folders]
    return given


def ceiling_input(wildcards):
    """What the noise ceiling of a dataset's test rows is computed from; no estimates where they come from a table."""
    row = study.datasets[wildcards.dataset]
    given = evaluation_input(wildcards)
    del given["predictions"]
    side = "test" if row["test_library"] or row["test_table"] else "train"
    if row[f"{side}_library"]:
        stem = f"results/{wildcards.run}/expression/{row[f'{side}_library']}.{row[f'{side}_method']}"
        given["expression"] = f"{stem}.parquet"
    return given


def fold_parts(wildcards):
    """Trainings of a test fold, pairs of validation fold and seed, in the jobs that do them one after the other."""
    row = study.datasets[wildcards.dataset]
    model = next(m for m in study.models_of(wildcards.dataset) if m["model"] == wildcards.model)
    inner = validation_folds(study.folds(wildcards.dataset), row["inner_folds"], wildcards.test)
    trainings = [(name, seed) for name in inner for seed in model["seeds"]]
    n = config["training"]["folds_per_job"]
    return [trainings[i : i + n] for i in range(0, len(trainings), n)]


def tested_manifests(wildcards):
    """Manifests of the models that are tested on a dataset."""
    trained = study.trained_on(wildcards.dataset)
    return [
        f"results/{wildcards.run}/models/{trained}/{model}/seed{seed}/manifest.json" for model, seed in bundles(trained)
    ]


def models_and_folds(dataset):
    """Pairs of (model, test fold) of a dataset that is cross-validated."""
    return [(row["model"], test) for row in study.models_of(dataset) for test in study.folds(dataset)]


def clustering_mb(wildcards, input, attempt):
    """Memory of a clustering job: letters, reads and index of the sequences, 20 times what they take on disk."""
    return (4000 + 20 * int(input.size_mb)) * attempt


def estimate_settings(wildcards):
    """Settings of an estimate: what its method uses (all without a method) and the library's rows of the bins sheet."""
    keys = ("bin", "role", "position", "lower_quantile", "upper_quantile", "cells")
    used = ESTIMATE_SETTINGS.get(dict(wildcards.items()).get("method"), config["estimate"])
    return {
        **{key: config["estimate"][key] for key in used},
        "bins": [{key: row[key] for key in keys} for row in study.bins[wildcards.library]],
    }


def simulated_bins(wildcards):
    """Cells sorted into the bins of a simulated library; for other libraries the bins sheet has them."""
    if study.libraries[wildcards.library]["source"] == "simulated":
        return f"results/{wildcards.run}/simulated/{wildcards.library}.bins.tsv"
    return []


def quality_input(wildcards):
    """What the quality report of a library is made of; reads and replicates where it has them."""
    run, library = f"results/{wildcards.run}", wildcards.library
    row = study.libraries[library]
    given = {
        "counts": f"{run}/clusters/{library}.counts.parquet",
        "estimates": [f"{run}/expression/{library}.{method}.parquet" for method in study.methods(library)],
    }
    if row["source"] != "counts":
        given["funnels"] = of_bins(".funnel.tsv")(wildcards)
        given["members"] = f"{run}/clusters/{library}.members.parquet"
        given["funnel_figure"] = f"{run}/figures/reads/{library}.funnel.svg"
    if row["source"] == "simulated":
        given["sorted_cells"] = simulated_bins(wildcards)
    if row["sample"]:
        given["concordance"] = [
            f"{run}/figures/expression/{row['sample']}.{method}.concordance.svg" for method in study.methods(library)
        ]
    return given


def training_processes(wildcards):
    """Processes that train an expression model together."""
    return study.recipe(wildcards.model, wildcards.dataset).get("training", {}).get("processes", 1)


def assay_input(wildcards):
    """Genome, track and peaks of an assay, and its regions without peak where they are given."""
    row = study.assays[wildcards.assay]
    if row["source"] == "simulated":
        stem = f"results/{wildcards.run}/simulated/{wildcards.assay}"
        return {"genome": f"{stem}.genome.fa", "track": f"{stem}.bw", "peaks": f"{stem}.narrowPeak"}
    given = {"genome": row["genome"], "track": row["bigwig"], "peaks": row["peaks"], "nonpeaks": row["nonpeaks"]}
    return {name: study.path(path) for name, path in given.items() if path}


def chromosome_fold(assay, name):
    """One fold of an assay as plain values."""
    return next(fold for fold in study.chromosome_folds[assay] if fold["name"] == name)


def profile_training(wildcards):
    """Settings that the bias model and the networks of an assay share."""
    return {
        "assay": wildcards.assay,
        "fold": chromosome_fold(wildcards.assay, wildcards.fold),
        "seed": config["seed"],
        "device": config["device"],
        "training": TRAINING_SETTINGS,
    }


def profile_seeds(assay, model):
    """Seeds of a model of an assay; its bias model has one."""
    return [1] if model == BIAS_MODEL else next(r["seeds"] for r in study.models_of(assay) if r["model"] == model)


def folds_and_models(assay, folds=None):
    """Pairs of (fold, model) that an assay's test peaks are predicted with, the bias model first; of some folds or all."""
    models = [BIAS_MODEL, *(row["model"] for row in study.models_of(assay))]
    return [(fold["name"], model) for fold in folds or study.chromosome_folds[assay] for model in models]


def profile_predictions(wildcards, folds=None):
    """Predictions of the test peaks of an assay, in the order of :func:`folds_and_models`."""
    return [
        f"results/{wildcards.run}/profiles/{wildcards.assay}/fold{fold}/{model}.predictions.npz"
        for fold, model in folds_and_models(wildcards.assay, folds)
    ]


def shard_folds(wildcards):
    """Every n-th fold of an assay, for a shard of its scores."""
    return study.chromosome_folds[wildcards.assay][int(wildcards.shard) :: config["ranking"]["shards"]]


def profile_shards(name):
    """Input function: a table of all shards of an assay's scores; there are no more than folds."""
    return lambda wildcards: [
        f"results/{wildcards.run}/profiles/{wildcards.assay}/{name}.shard{shard}.parquet"
        for shard in range(min(config["ranking"]["shards"], len(study.chromosome_folds[wildcards.assay])))
    ]
