"""``cisflow ism`` and its figures: tables by suffix, marked variants, bad input refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cisflow.cli.main import main
from cisflow.figures.interpretation import agreement_figure, mutagenesis_figure
from cisflow.figures.style import plt
from cisflow.files import read_table
from cisflow.models.expression_task import ExpressionTask
from cisflow.training.bundle import write_bundle

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from expression_toys import NARROW, toy_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ism")
    table = toy_table(20)
    task = ExpressionTask(NARROW, table, 1)
    for name in ("net/seed1", "net/seed2", "other"):
        torch.manual_seed(len(name) + ord(name[-1]))
        history = pd.DataFrame({"step": [1]})
        write_bundle(folder / name, task.build_network().state_dict(), task.recipe, history, {"code": "c"})
    records = [f">{e}\n{s}\n" for e, s in zip(table["element"][:2], table["sequence"][:2], strict=True)]
    (folder / "s.fa").write_text("".join(records))
    new = "C" if table["sequence"][0][20] != "C" else "G"
    (folder / "v.tsv").write_text(f"id\tposition\tsubstitution\tmeasured\ne0\t20\t{new}\t0.3\n")
    return folder


def ism(folder, *more):
    return main(["ism", str(folder / "net/seed1"), str(folder / "net/seed2"), str(folder / "other"), *more])


@pytest.mark.parametrize("form", ["parquet", "tsv.gz"])
def test_command_writes_tables_and_figures(folder, tmp_path, form):
    paths = {name: tmp_path / f"{name}.tsv" for name in ("profiles", "checks", "agreement")}
    options = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    options += ["--sequences", str(folder / "s.fa"), "--output", str(tmp_path / f"o.{form}"), "--steps", "4"]
    options += ["--start", "17", "--end", "30", "--variants", str(folder / "v.tsv"), "--figures", str(tmp_path / "f")]
    assert ism(folder, *options) == 0
    effects = read_table(tmp_path / f"o.{form}")
    assert len(effects) == 2 * 2 * 13 * 3
    assert set(effects["model"]) == {"net", "other"}
    assert len(read_table(paths["profiles"])) == 2 * 2 * 13
    assert len(read_table(paths["checks"])) == 4
    assert len(read_table(paths["agreement"])) == 2 + 2 * 4
    drawn = read_table(tmp_path / "f" / "ism.tsv")
    assert drawn["id"].unique().tolist() == ["e0"]
    assert drawn.loc[drawn["variant"], "measured"].tolist() == [0.3, 0.3]
    np.testing.assert_allclose(drawn["effect"], effects.loc[effects["id"] == "e0", "effect"], atol=1e-9)
    assert "1 of them were measured" in json.loads((tmp_path / "f" / "ism.json").read_text())["caption"]
    assert (tmp_path / "f" / "ism_agreement.png").stat().st_size > 1000


def test_bad_variants_are_named_all_at_once(folder, tmp_path, capfd):
    wrong = tmp_path / "v.tsv"
    own = (folder / "s.fa").read_text().split()[1][5]
    wrong.write_text(f"id\tposition\tsubstitution\nnone\t3\tA\ne0\t110\tA\ne0\t5\t{own}\n")
    options = ["--sequences", str(folder / "s.fa"), "--output", str(tmp_path / "o.tsv"), "--variants", str(wrong)]
    assert ism(folder, *options) == 1
    said = capfd.readouterr().err
    for text in ("'none' is none of the sequences", "from 0 to 109", "not the sequence's own base"):
        assert text in said
    assert not (tmp_path / "o.tsv").exists()


def test_span_without_bases_is_refused(folder, tmp_path, capfd):
    options = ["--sequences", str(folder / "s.fa"), "--output", str(tmp_path / "o.tsv"), "--start", "200"]
    assert ism(folder, *options) == 1
    assert "no A, C, G or T" in capfd.readouterr().err
    assert not (tmp_path / "o.tsv").exists()


def test_figures_of_one_model_and_of_no_effect():
    rows = [("m", "x", i, "A", b, 0.0) for i in range(5) for b in "CGT"]
    effects = pd.DataFrame(rows, columns=["model", "id", "position", "base", "substitution", "effect"])
    figure, table, _ = mutagenesis_figure(effects)
    figure.canvas.draw()
    plt.close(figure)
    assert (table["position_score"] == 0).all()
    empty = pd.DataFrame({c: [] for c in ("kind", "first", "second", "id", "n", "pearson")})
    figure, table, _ = agreement_figure(empty, ["m"])
    figure.canvas.draw()
    plt.close(figure)
    assert table.empty


def test_caption_tells_what_the_gradients_leave_over():
    rows = {"kind": "methods", "first": "m", "second": "integrated_gradients", "id": ["a", "b"], "n": 9, "pearson": 0.9}
    checks = {"model": "m", "id": ["a", "b"], "prediction": [5.0, 1.0], "baseline": [1.0, 3.0], "delta": [0.03, -0.01]}
    figure, _, caption = agreement_figure(pd.DataFrame(rows), ["m"], pd.DataFrame(checks))
    plt.close(figure)
    assert caption.endswith("(delta), mean: m 0.02 (at most 0.03) of 3.")
