# Settings of the run, read and checked once, and the lists of what the run consists of.
import re
import shlex
import sys
from collections import UserDict
from dataclasses import asdict
from pathlib import Path

from snakemake.exceptions import WorkflowError

CHECKOUT = Path(workflow.current_basedir).parents[1]
SCRIPTS = CHECKOUT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from cisflow.clock import date_back
from cisflow.datasets.columns import FIRST_HEAD
from cisflow.design.settings import read_design
from cisflow.devices import gpu_present
from cisflow.files import write_json
from cisflow.gpu_leases import usable_gpus
from cisflow.evaluation.subsets import PAIR_FILES
from cisflow.models.contact_settings import FITTED, contact_settings, fill_from_others, parts_mb, reading_mb
from cisflow.problems import InputError
from cisflow.code_digest import code_hash
from cisflow.reads.structure import parse_structure
from cisflow.datasets.fold_names import validation_folds
from cisflow.models.cells import cell_of
from cisflow.settings.dataset_columns import further_columns, measurement_labels, table_layout
from cisflow.settings.downloads import listed
from cisflow.settings.stage_checks import BUNDLE_FILES
from cisflow.settings.profiles import BIAS_MODEL
from cisflow.settings.queries import queries_with_files, query_regions
from cisflow.settings.screens import disruption_rule, row_regions, screens_with_files
from cisflow.settings.speed import is_measurable
from cisflow.settings.study import read_study
from cisflow.storage import unwritable

try:
    study = read_study(config, CHECKOUT / "workflow" / "schemas", CHECKOUT)
except InputError as error:
    raise WorkflowError(str(error)) from None

# Files of contacts are looked into once, by the process that plans the run, and only where they come from outside.
if workflow.is_main_process and any(row["source"] != "simulated" for row in study.maps.values()):
    try:
        from cisflow.contacts.input_checks import MapFiles, map_problems
    except ImportError as error:
        print(f"Contact maps are checked by their own jobs: {error}", file=sys.stderr)
    else:
        if found := [problem for given in study.map_files() for problem in map_problems(MapFiles(**given))]:
            raise WorkflowError(str(InputError(found)))

# So are regions and sequences of screens, and regions of queries.
if workflow.is_main_process and (study.screens or study.queries_of("contacts")):
    found = []
    try:
        from cisflow.contacts.input_checks import cheap_lengths
        from cisflow.variants.screen_input import file_problems

        for given in screens_with_files(study) + queries_with_files(study):
            genome = given.pop("genome")
            given["lengths"] = given["lengths"] or cheap_lengths(genome)
            found += file_problems(**given)
    except ImportError as error:
        print(f"Regions of screens and queries are checked by their own jobs: {error}", file=sys.stderr)
    if found:
        raise WorkflowError(str(InputError(found)))

# What a training can depend on; how many of them a job does and how often it saves its state change no model.
TRAINING_SETTINGS = {"threads": config["training"]["threads"]}
STRUCTURE = parse_structure(config["reads"]["structure"])
# Combinations from which on the Prix Fixe grid is drawn; the three DREAM models alone would leave it empty.
FEWEST_CELLS = 6
# What reads are counted with; neither the number of reads that the check looks at nor the memory changes a count.
READ_SETTINGS = {key: value for key, value in config["reads"].items() if key not in ("check_reads", "memory_mb")}
# The same without the shards, where only the rules of reading are needed.
READ_RULES = {key: value for key, value in READ_SETTINGS.items() if key != "shards"}
# What every estimate uses, by method; a change of the others' settings reruns only the others.
ESTIMATE_SETTINGS = {
    "bin-mean": ("bin_weights", "interval"),
    "maude": ("pseudocount", "limits", "optimum", "abundance", "interval"),
}
# How related sequences are kept together; a score counts only where alignments do.
SPLIT_RULES = {key: config["split"][key] for key in ("method", "max_distance")} | {
    "homology_score": config["split"]["homology_score"] if config["split"]["method"] == "homology" else None
}


# Files of a trained model by their name in rules.
BUNDLE_OUTPUTS = {
    "weights": "weights.safetensors",
    "recipe": "recipe.yaml",
    "history": "history.tsv",
    "manifest": "manifest.json",
}
PROFILE_FIGURES = ("examples", "counts", "scores")
DESIGN_FIGURES = ("library", "evolution")


def one_of(names):
    """Regular expression that matches exactly the given names (never-matching when there are none)."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


# A GPU asked for on a machine without one must stop the run before its first job, not days into it. On a cluster
# the machine that plans the run need not have one; there the job itself checks (cisflow.devices).
onstart:
    has_gpu = gpu_present()
    if config["device"] == "cuda" and not workflow.non_local_exec and not has_gpu:
        raise WorkflowError(
            "config, column \"device\": 'cuda' asked for, but there is no GPU on this machine; "
            "use 'auto' or 'cpu', or run on a GPU node"
        )
    if problems := unwritable(f"{folder}/{config['run']}" for folder in ("results", "logs", "state")):
        raise WorkflowError("\n".join(problems))
    date_back(f"results/{config['run']}")
    # A file tells the command to the manifest of the run: a parameter would rerun it whenever the command differs.
    if set(workflow.dag_settings.targets) != {"plan"}:
        write_json({"command": shlex.join(["snakemake", *sys.argv[1:]])}, f"logs/{config['run']}/command.json")


wildcard_constraints:
    run=re.escape(config["run"]),
    library=one_of(study.libraries),
    sample=one_of(study.samples),
    estimated=one_of([*study.libraries, *study.samples]),
    bin=one_of({b for library in study.bins for b in study.bin_names(library)}),
    method="bin-mean|maude",
    dataset=one_of(study.datasets),
    head=rf"(\.({one_of({name for row in study.datasets.values() for name in further_columns(row)})}))?",
    trained=one_of([*study.datasets, *study.assays]),
    map=one_of(study.maps),
    view=one_of(study.views()),
    genome=one_of(study.genomes().values()),
    res=r"(\.[1-9][0-9]*)?",
    model=one_of({row["model"] for row in study.models}),
    seed="[0-9]+",
    other=one_of(study.views()),
    exported=one_of({"observed", *(row["model"] for row in study.models)}),
    window=one_of({window for view in study.views() for window in study.drawn_windows(view)}),
    assay=one_of(study.assays),
    design=one_of(study.designs),
    variants=one_of(study.variants),
    screen=one_of(study.screens),
    query=one_of(study.queries),
    shard="[0-9]+",
    fold=one_of({fold["name"] for folds in study.chromosome_folds.values() for fold in folds}),
    test=one_of({fold for dataset in study.datasets for fold in study.folds(dataset)}),
    part="[0-9]+",
    source=one_of(study.public.sources),
    unpacked=one_of(study.public.unpacked),


def code(script):
    """Digest of a rule script and the library code that it uses; a rule parameter, so that code changes rerun the rule."""
    return code_hash(SCRIPTS / script)


# Jobs on this machine share its GPUs: no more run at once than there are, unless `--resources gpu=N` says otherwise.
LOCAL_GPUS = 0
if (
    workflow.is_main_process
    and workflow.resource_settings.nodes is None  # no cluster
    and config["device"] != "cpu"
    and gpu_present()
):
    LOCAL_GPUS = len(usable_gpus())
    if "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", max(1, LOCAL_GPUS))


def gpus(count):
    """GPUs that a job asks for: none where it computes on CPUs, or is to take what it finds on a node."""
    return count if config["device"] == "cuda" or (config["device"] == "auto" and LOCAL_GPUS) else 0


def unrecorded(**values):
    """Parameters that no result depends on: Snakemake records and compares those of builtin types alone."""
    return UserDict(values)


def figures():
    """Figures of the run in the order of the report, as paths of their SVGs."""
    names = []
    for library, row in study.libraries.items():
        if row["source"] == "simulated":
            names.append(f"simulate/{library}.overview")
        if row["source"] != "counts":
            names += [f"reads/{library}.check"] if config["reads"]["check_reads"] else []
            names.append(f"reads/{library}.funnel")
        names += [f"quality/{library}.{panel}" for panel in ("profiles", "saturation")]
        for method in study.methods(library):
            names.append(f"expression/{library}.{method}.distribution")
            if row["source"] == "simulated":
                names += [f"expression/{library}.{method}.{kind}" for kind in ("recovery", "calibration")]
    for sample in study.samples:
        names += [f"expression/{sample}.{method}.concordance" for method in study.methods(sample)]
    for map_name in study.maps:
        names += [f"contacts/{map_name}.distance_law", f"contacts/{map_name}.map"]
        for view in study.views(map_name):
            names.append(f"contacts/{view}.predicted_maps")
            if study.shared_setting(view, "window", "levels", 1) > 1:
                names += [f"contacts/{view}.ladder.{window}" for window in study.drawn_windows(view)]
            kinds = ["contact_ranking", "contact_ranks", "contact_scores", "contact_levels", "contact_density"]
            names += [f"evaluation/{view}.{kind}" for kind in [*kinds, "contact_distance"]]
        names += [f"models/{map_name}.learning_curves"] if study.models_of(map_name) else []
    names += [f"evaluation/{first}.contact_differences.{second}" for first, second in study.compared_maps()]
    names += [f"simulate/{assay}.assay" for assay, row in study.assays.items() if row["source"] == "simulated"]
    for assay in profiled():
        names += [f"profiles/{assay}.{name}" for name in PROFILE_FIGURES]
        names.append(f"models/{assay}.learning_curves")
    for dataset in study.datasets:
        if study.folds(dataset):
            names += [f"cross_validation/{dataset}.folds"] if study.models_of(dataset) else []
        elif study.models_of(dataset):
            names += [f"datasets/{dataset}.split", f"models/{dataset}.learning_curves"]
        if ranked(dataset):
            scored = ["ranking", "rank_distribution", "subset_scores", "gaps", "predictions"]
            scored += ["changes"] if has_pairs(dataset) else []
            kinds = scored + (["parameters"] if len(study.tested_on(dataset)) > 1 else [])
            kinds += ["prix_fixe_grid", "prix_fixe_parts"] if len(grid(dataset)) >= FEWEST_CELLS else []
            kinds += ["ism", "ism_agreement"] if interpreted(dataset) else []
            kinds += ["ism_motifs"] if interpreted(dataset) and config["interpret"]["motifs"] else []
            names += [f"evaluation/{dataset}.{kind}" for kind in kinds]
            for head, models in further_heads(dataset).items():
                own = scored + (["parameters"] if len(models) > 1 else [])
                names += [f"evaluation/{dataset}.{head}.{kind}" for kind in own]
    names += [f"diagnosis/{name}.{model}.{kind}" for name, model in diagnosed() for kind in ("ceiling", "learning")]
    if config["speed"]["measure"]:
        names += [f"models/{name}.speed" for name in [*study.datasets, *study.assays] if networks(name)]
    names += ["cross_validation/benchmarks"] if cross_validated() else []
    names += [f"designs/{design}.{name}" for design in study.designs for name in DESIGN_FIGURES]
    for name, row in study.variants.items():
        kinds = ("effects", "ladder") if row["dataset"] in study.maps else ("effects",)
        names += [f"variants/{name}.{kind}" for kind in kinds]
    names += [f"screens/{name}.effects" for name in study.screens]
    names += [f"queries/{name}.predictions" for name in study.queries_of("expression")]
    names += [f"queries/{name}.{model}" for name in study.queries_of("contacts") for model in study.query_models(name)]
    return [f"results/{config['run']}/figures/{name}.svg" for name in names]


def exported_contacts():
    """Coolers of predicted and observed contacts, where the config asks for them."""
    if config["contact_figures"]["export"] == "none":
        return []
    return [
        f"results/{config['run']}/contacts_export/{view}/{exported}.mcool"
        for view in study.views()
        for exported in ["observed", *(row["model"] for row in study.viewed(view))]
    ]


def ranked(dataset):
    """Whether a dataset has models or predictions to rank on its test rows."""
    return not study.folds(dataset) and bool(study.tested_on(dataset) or study.datasets[dataset]["predictions"])


def further_heads(dataset):
    """Further measurements of a dataset's test rows that models predict, with those models."""
    row, found = study.datasets[dataset], {}
    if row["test_table"] or row["test_library"]:
        return {}
    for model in study.tested_on(dataset):
        for head in study.recipes[model["recipe"]].get("heads", [])[1:]:
            if head in further_columns(row):
                found.setdefault(head, []).append(model["model"])
    return found


def of_head(wildcards):
    """Measurement that a figure of a dataset is about, and the name of both for its title."""
    head = wildcards.head.removeprefix(".")
    if not head:
        return {"head": FIRST_HEAD, "title": wildcards.dataset}
    return {"head": head, "title": f"{wildcards.dataset}, {further_columns(study.datasets[wildcards.dataset])[head]}"}


def interpreted(dataset):
    """Whether the models of a dataset are looked into."""
    return bool(study.tested_on(dataset) and config["interpret"]["sequences"])


def networks(dataset):
    """Recipes of the models of a dataset or assay whose speed can be measured, by model."""
    found = {row["model"]: study.recipe(row["model"], dataset) for row in study.models_of(dataset)}
    return {model: recipe for model, recipe in found.items() if is_measurable(recipe)}


def grid(dataset):
    """Models tested on a dataset that are Prix Fixe combinations: parts (data, first, core, final) by model."""
    found = {row["model"]: cell_of(study.recipes[row["recipe"]]) for row in study.tested_on(dataset)}
    return {model: asdict(cell) for model, cell in found.items() if cell is not None}


def has_pairs(dataset):
    """Whether a dataset has test subsets of pairs, by the names of their files."""
    subsets = study.datasets[dataset]["subsets"]
    if not subsets or subsets == "simulated":
        return bool(subsets)
    return any(Path(path).name.split(".")[0] in PAIR_FILES for path in study.files_under(subsets))


def bundles(name):
    """Pairs of (model, seed) trained on a dataset or map; none where folds are trained on."""
    if name in study.datasets and study.folds(name):
        return []
    return [(row["model"], seed) for row in study.models_of(name) for seed in row["seeds"]]


def contact_references(map_name, model):
    """Models with the windows of a contact network that were fitted in one go: name and kind."""
    rows = study.viewed(study.view_of(map_name, model))
    kinds = {row["model"]: study.recipes[row["recipe"]].get("model") for row in rows}
    return {name: kind for name, kind in kinds.items() if kind in FITTED}


def designing_bundles(design):
    """Pairs of (model, seed) that make a design."""
    trained = bundles(study.designs[design]["dataset"])
    return [(model, seed) for name in study.designers(design) for model, seed in trained if model == name]


def diagnosed():
    """Pairs of (map, model) with a diagnosis: trained contact networks, unless the config wants none."""
    if not config["diagnosis"]["windows"]:
        return []
    return [
        (name, row["model"])
        for name in study.maps
        for row in study.models_of(name)
        if study.recipes[row["recipe"]].get("model") == "network" and "training" in study.recipes[row["recipe"]]
    ]


def overfit_steps(map_name, model):
    """Most steps on one window that a model learns by heart; 0: not tried."""
    several = study.shared_setting(study.view_of(map_name, model), "window", "levels", 1) > 1
    return config["diagnosis"]["overfit_steps_several_levels" if several else "overfit_steps"]


def bundle_folders(wildcards, model=None):
    """Folders of the bundles that a dataset is predicted with: all, or those of one model."""
    trained = study.trained_on(wildcards.dataset)
    return [
        f"results/{wildcards.run}/models/{trained}/{name}/seed{seed}"
        for name, seed in bundles(trained)
        if model in (None, name)
    ]


def checks_of(*names):
    """Tables of the checks of public files that must be good before the files are used, by names in the sheets."""
    return [f"results/{config['run']}/sources/{name}.json" for name in names if name in study.public.sources]


def bundle_files(file):
    """One file of every bundle of the run, e.g. manifest.json."""
    return [
        f"results/{config['run']}/models/{name}/{model}/seed{seed}/{file}"
        for name in [*study.datasets, *study.maps]
        for model, seed in bundles(name)
    ]


def of_dataset(dataset):
    """How the names of a dataset's tables begin: split once, or cross-validated."""
    return f"cross_validation/{dataset}/" if study.folds(dataset) else f"datasets/{dataset}."


def cross_validated():
    """Datasets whose models are cross-validated."""
    return [dataset for dataset in study.datasets if study.folds(dataset) and study.models_of(dataset)]


def profiled():
    """Assays that models are trained on."""
    return [assay for assay in study.assays if study.models_of(assay)]


def profile_bundles(assay):
    """Triples of (fold, model, seed) trained on an assay, without its bias models."""
    return [
        (fold["name"], row["model"], seed)
        for row in study.models_of(assay)
        for fold in study.chromosome_folds[assay]
        for seed in row["seeds"]
    ]


def profile_manifests():
    """Manifests of the profile models of the run, bias models among them."""
    return [
        f"results/{config['run']}/profiles/{assay}/fold{fold}/{model}/seed{seed}/manifest.json"
        for assay in profiled()
        for fold, model, seed in [
            *((fold["name"], BIAS_MODEL, 1) for fold in study.chromosome_folds[assay]),
            *profile_bundles(assay),
        ]
    ]


def funnels():
    """Tables of what each filter let through, in the order of the stages."""
    names = []
    for library, row in study.libraries.items():
        if row["source"] != "counts":
            names += [f"reads/{library}/{name}.funnel.tsv" for name in study.bin_names(library)]
        names.append(f"clusters/{library}.funnel.tsv")
        names += [f"expression/{library}.{method}.funnel.tsv" for method in study.methods(library)]
    names += [f"{of_dataset(dataset)}funnel.tsv" for dataset in study.datasets]
    names += [f"profiles/{assay}/funnel.tsv" for assay in study.assays]
    return [f"results/{config['run']}/{name}" for name in names]


def expression_tables():
    """Expression tables of the run and their noise ceilings, also those that no dataset uses."""
    return [
        f"results/{config['run']}/expression/{name}.{method}{suffix}.tsv"
        for name in [*study.libraries, *study.samples]
        for method in study.methods(name)
        for suffix in ("", ".ceiling")
    ]


def answered_queries():
    """Files of the queries that no figure needs: tracks of intervals, and exchanges with endpoints."""
    files = []
    for name in study.queries_of("expression"):
        row = study.queries[name]
        kinds = (["bw"] if row["intervals"] else []) + (["exchange.json"] if row["species"] else [])
        files += [f"queries/{name}/{model}.{kind}" for model in study.query_models(name) for kind in kinds]
    return [f"results/{config['run']}/{file}" for file in files]


def packed_models():
    """Trained models for others, where the config asks for them, and the list of all."""
    trained = [(name, *pair) for name in [*study.datasets, *study.maps] for pair in bundles(name)]
    if not config["pack_models"] or not trained:
        return []
    names = [f"{name}.{model}.seed{seed}.tar.gz" for name, model, seed in trained]
    return [f"results/{config['run']}/packed/{name}" for name in ["models.tsv", *names]]


def results():
    """What a run is for: its report, expression tables, exported contacts, answers, and models for others."""
    return [
        f"results/{config['run']}/report.html",
        *expression_tables(),
        *exported_contacts(),
        *answered_queries(),
        *packed_models(),
    ]


def up_to_half_the_cores(most):
    """Threads of a job: with all cores it would wait until every long training job beside it has ended."""
    return max(1, min(most, (workflow.resource_settings.cores or 2 * most) // 2))


def libraries_with(**wanted):
    """Libraries whose columns hold one of the given values, e.g. kind=["random"]."""
    return [
        library
        for library, row in study.libraries.items()
        if all(row[column] in values for column, values in wanted.items())
    ]
