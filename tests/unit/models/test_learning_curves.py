"""The figure of learning curves: the table of what it draws, its caption, equal bytes."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cisflow.figures.models import plot_learning_curves


def history(values: list[float]) -> pd.DataFrame:
    steps = [10 * (i + 1) for i in range(len(values))]
    return pd.DataFrame(
        {"step": steps, "epoch": 1, "learning_rate": 0.1, "training_loss": 2.0, "selection": values, "pearson": values}
    )


def ridge(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"alpha": [1.0, 10.0], "training_loss": [1.0, 2.0], "selection": values})


def test_table_caption_and_files(tmp_path):
    histories = {
        ("cnn", 1): history([0.1, 0.5, 0.4]),
        ("cnn", 2): history([0.2, float("nan"), 0.3]),
        ("ridge", 1): ridge([0.25, 0.2]),
    }
    for name in ("a", "b"):
        plot_learning_curves(histories, tmp_path / f"{name}.svg", name="promoters")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    kept = table[table["is_best"]]
    assert kept[["model", "seed", "selection"]].to_numpy().tolist() == [
        ["cnn", 1, 0.5],
        ["cnn", 2, 0.3],
        ["ridge", 1, 0.25],
    ]
    caption = json.loads((tmp_path / "a.json").read_text())["caption"]
    assert "cnn 0.400 (range 0.300 to 0.500), ridge 0.250" in caption
    assert "Line styles are seeds" in caption
    assert "fitted in one go" in caption


@pytest.mark.parametrize("histories", [{("ridge", 1): ridge([0.1, 0.2])}, {("cnn", 1): history([0.4])}])
def test_single_models(tmp_path, histories):
    plot_learning_curves(histories, tmp_path / "a.svg", name="promoters")
    caption = json.loads((tmp_path / "a.json").read_text())["caption"]
    assert "Line styles" not in caption
    assert (tmp_path / "a.png").stat().st_size > 0


def test_many_models_stand_in_the_order_of_their_best_metric(tmp_path):
    histories = {(f"model{i:02d}", 1): history([-1.0, 0.02 * ((7 * i) % 30)]) for i in range(30)}
    plot_learning_curves(histories, tmp_path / "a.svg", name="promoters")
    caption = json.loads((tmp_path / "a.json").read_text())["caption"]
    assert "of 30 models: model17 0.580, " in caption
    assert "to model00 0.000." in caption
    assert "order of their best metric" in caption
