"""Wrong bundles and weights."""

from __future__ import annotations

import pickle
from pathlib import Path

from bad_input import case, command, write


def bundle(folder, weights=None, recipe="task: expression\n", history="step\n", manifest="{}"):
    """A folder with the four files of a bundle."""
    from safetensors.numpy import save

    write(folder / "model" / "weights.safetensors", save({}) if weights is None else weights)
    write(folder / "model" / "recipe.yaml", recipe)
    write(folder / "model" / "history.tsv", history)
    write(folder / "model" / "manifest.json", manifest)
    return folder / "model"


def predict(folder, model):
    """Run ``cisflow predict`` with a bundle."""
    sequences = write(folder / "sequences.fa", ">a\nACGT\n")
    command("predict", "--sequences", sequences, "--output", folder / "out.tsv", model)


@case(
    "Models",
    "a folder without the files of a bundle",
    "model/recipe.yaml: file not found; a model is a folder with four files",
)
def _(folder):
    (folder / "model").mkdir()
    predict(folder, folder / "model")


@case("Models", "weights that are no safetensors file", "model/weights.safetensors: not a safetensors file")
def _(folder):
    predict(folder, bundle(folder, b"\x08\0\0\0\0\0\0\0{}"))


@case("Models", "a recipe that is no YAML", "model/recipe.yaml row 1: not valid YAML")
def _(folder):
    predict(folder, bundle(folder, recipe="task: [expression"))


@case("Models", "a manifest that is no JSON", "model/manifest.json row 1: not valid JSON")
def _(folder):
    predict(folder, bundle(folder, manifest="{versions"))


@case("Models", "a history that is no table", "model/history.tsv: cannot be read as a table")
def _(folder):
    predict(folder, bundle(folder, history=""))


@case("Models", "a bundle of the other arm", "model/recipe.yaml", "'contacts'; expected 'expression'")
def _(folder):
    from cisflow.models.predict import load_bundle

    load_bundle(bundle(folder, recipe="task: contacts\n"))


class Harmful:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def import_weights(folder, weights):
    """Run ``cisflow import-weights``."""
    recipe = "config/recipes/dream/dream_cnn.yaml"
    from conftest import CHECKOUT

    known = next(iter(sorted((CHECKOUT / "config" / "recipes").rglob("dream_cnn.yaml"))), CHECKOUT / recipe)
    command("import-weights", "--recipe", known, "--output", folder / "model", weights)


@case(
    "Models",
    "a PyTorch file with more than tensors: nothing of it is run",
    "holds more than tensors, or is no PyTorch file; reading it would run code from it, which is refused",
)
def _(folder):
    import torch

    torch.save({"state_dict": Harmful(folder / "ran")}, folder / "net.pt")
    try:
        import_weights(folder, folder / "net.pt")
    finally:
        assert not (folder / "ran").exists()


@case("Models", "a pickle of another program", "net.pt: holds more than tensors, or is no PyTorch file")
def _(folder):
    import_weights(folder, write(folder / "net.pt", pickle.dumps({"weights": Harmful(folder / "ran")})))


@case("Models", "a PyTorch file cut short", "net.pt: cannot be read as .pt weights")
def _(folder):
    import torch

    torch.save({"a": torch.zeros(1000)}, folder / "whole.pt")
    import_weights(folder, write(folder / "net.pt", (folder / "whole.pt").read_bytes()[:500]))


@case(
    "Models",
    "weights of another network, with NaN",
    "tensors that do not fit the recipe",
    "missing; expected",
    "unexpected: the recipe's network has no such tensor",
)
def _(folder):
    import torch

    torch.save({"conv.weight": torch.full((3, 4), float("nan"))}, folder / "net.pt")
    import_weights(folder, folder / "net.pt")


@case("Models", "numbers among the tensors", 'column "epoch": int, expected a tensor')
def _(folder):
    import torch

    torch.save({"a": torch.zeros(2), "epoch": 5}, folder / "net.pt")
    import_weights(folder, folder / "net.pt")
