"""A small simulated assay on disk, and narrow recipes that learn it in a second or two."""

from __future__ import annotations

from pathlib import Path

from cisflow.models.profiles.train import ProfileFiles
from cisflow.profiles.prepare import AssayFiles, Window, prepare_assay
from cisflow.simulate.accessibility import AssayModel, simulate_accessibility

WINDOW = Window(input_length=128, output_length=64, jitter=16)
FOLDS = [
    {"name": "a", "test": ["chr1"], "validation": ["chr2"]},
    {"name": "b", "test": ["chr3"], "validation": ["chr1"], "training": ["chr2"]},
]
#: Small regions close together.
ASSAY = AssayModel(width=14.0, reach=24, most_sites=2, half_width=30, summit_error=4, background=0.25)
NAMES = {"fasta": "genome.fa", "bigwig": "cuts.bw", "peaks": "peaks.narrowPeak", "truth": "truth.npz"}
OUTPUTS = ("regions.parquet", "sequences.npy", "counts.npy", "funnel.tsv")

TRAINING = {
    "batch_size": 16,
    "epochs": 6,
    "validation_batch_size": 50,
    "optimiser": {"name": "adam", "learning_rate": 0.01},
    "schedule": {"name": "constant"},
}
NARROW = {"name": "chrombpnet", "filters": 8, "layers": 2, "kernel": 11, "profile_kernel": 13}
LENGTHS = {"input_length": 128, "output_length": 64}
BIAS = {
    "task": "profiles",
    "model": "bias",
    "window": LENGTHS,
    "network": {**NARROW, "layers": 1},
    "training": TRAINING,
}
NETWORK = {
    "task": "profiles",
    "model": "network",
    "window": {**LENGTHS, "jitter": 16},
    "network": NARROW,
    "training": TRAINING,
}
DREAM = {
    "name": "dream_body",
    "first": {"name": "bhi_first", "channels": 8, "kernels": [5, 9]},
    "core": {"name": "bhi_core", "hidden": 6, "channels": 8, "kernels": [5, 9]},
    "profile_kernel": 13,
}


def simulate_toy(folder: Path, seed: int = 5, **changes) -> AssayFiles:
    """Write genome, track and peaks of three chromosomes."""
    output = {name: folder / file for name, file in NAMES.items()}
    settings = {"n_chromosomes": 3, "length": 30_000, "regions": 60, **changes}
    simulate_accessibility("toy", seed, **settings, output=output, model=ASSAY)
    return AssayFiles(output["fasta"], output["bigwig"], output["peaks"])


def prepare_toy(files: AssayFiles, folder: Path, folds=None, **settings) -> ProfileFiles:
    """Prepare an assay in ``folder``."""
    paths = {name.split(".")[0]: folder / name for name in OUTPUTS}
    settings = {"folds": folds or FOLDS, "negatives_per_peak": 2.0, "seed": 5, **settings}
    prepare_assay("toy", files, paths, WINDOW, settings)
    return ProfileFiles(paths["regions"], paths["sequences"], paths["counts"])


def job_settings(recipe: dict, model: str, **changes) -> dict:
    """Settings of a training job."""
    return {
        "recipe": recipe,
        "assay": "toy",
        "fold": FOLDS[0],
        "model": model,
        "replicate": 1,
        "seed": 3,
        "device": "cpu",
        "training": {"threads": 1, "save_every_seconds": 60},
    } | changes
