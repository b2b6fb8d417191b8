"""Speed: what is measured, how far batches grow and why they stop, the command, and the figure."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from cisflow.cli.main import main
from cisflow.figures.speed import speed_figure
from cisflow.memory import PeakMemory
from cisflow.models import speed
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.prix_fixe import complete_recipe
from cisflow.models.speed import SpeedSettings, measure_forward, measure_speed, measure_training
from cisflow.models.speed_probes import probe_of, random_table
from cisflow.training.numerics import reproducible_numerics

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
RESIDENT = 500_000_000
CPU = torch.device("cpu")
FEW = SpeedSettings(batch_size=2, batches=2, forward_batches=1, repeats=3, max_batch=8)


def recipe(name):
    return complete_recipe(yaml.safe_load((RECIPES / f"{name}.yaml").read_text()))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with reproducible_numerics(1):
        yield


NARROW = ["demo/dream_rnn", "lac/dream_cnn", "prix_fixe/narrow/1_0_0_1", "prix_fixe/narrow/2_1_0_2"]
NARROW += ["reference/narrow/mprann", "reference/narrow/deepstarr", "reference/narrow/glove_cnn"]


@pytest.mark.parametrize("name", NARROW)
def test_random_sequences_fit_every_recipe(name):
    given = recipe(name)
    given["training"]["batch_size"] = 4
    task = ExpressionTask(given, random_table(given, 8), 1)
    assert len(task.train_rows.codes) == 8
    batch = task.batch(0)
    flags = torch.zeros(4)
    assert task.encoding.tensor(batch["codes"], flags, flags).shape == (
        4,
        task.encoding.n_channels,
        task.encoding.length,
    )
    assert (batch["codes"] < 4).float().mean() > 0.8  # bases, not padding


@pytest.mark.parametrize("name", ["chrombpnet", "dream_rnn"])
def test_profile_networks(name):
    given = yaml.safe_load((RECIPES / "profiles" / "narrow" / f"{name}.yaml").read_text())
    rows, _ = measure_training(given, FEW, CPU)
    assert [row["batch_size"] for row in rows] == [2, 2, 2]
    network, x = probe_of(given).forward_input(2, CPU)
    assert x.shape == (2, 4, given["window"]["input_length"])
    alone, whole = probe_of(given).parameters(), sum(p.numel() for p in network.parameters())
    assert alone == sum(p.numel() for p in network.parameters() if p.requires_grad)
    with_bias = probe_of({**given, "bias": {"network": given["network"], "count_shift": 0.0}})
    assert sum(p.numel() for p in with_bias.network().parameters()) == 2 * whole
    assert with_bias.parameters() == alone  # the bias model is frozen


def test_training_steps_are_those_of_the_loop(monkeypatch):
    steps = []
    real = speed.Run.optimise
    monkeypatch.setattr(
        speed.Run, "optimise", lambda run, states: (steps.append(run.task.batch_size), real(run, states))
    )
    ticks = []
    rows, peak = measure_training(recipe("demo/dream_rnn"), FEW, CPU, lambda: ticks.append(1))
    assert steps == [2] * (speed.WARM_UP + FEW.batches * FEW.repeats)
    assert [row["repeat"] for row in rows] == [1, 2, 3]
    assert len(ticks) == 3
    assert all(row["sequences_per_second"] == pytest.approx(2 / row["seconds_per_batch"]) for row in rows)
    assert peak > 50e6


def fake_clock(monkeypatch, per_sequence, memory_of=lambda size: 0, fails_at=None):
    """Forward passes that take a stated time and memory."""

    def forward_at(network, x, settings, device):
        if fails_at and len(x) >= fails_at:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        seconds = per_sequence * len(x)
        return [(seconds, seconds)] * settings.repeats, RESIDENT + memory_of(len(x))

    monkeypatch.setattr(speed, "_forward_at", forward_at)
    monkeypatch.setattr(speed, "resident_bytes", lambda: RESIDENT)  # that of the tests' process grows with every test


@pytest.mark.parametrize(
    ("clock", "settings", "sizes", "limit"),
    [
        ({"per_sequence": 1e-6}, {"max_batch": 32}, [2, 4, 8, 16, 32], "largest"),
        ({"per_sequence": 1.0}, {"max_seconds": 30}, [2, 4, 8], "time"),  # three repeats of one batch: 24 s, then 48 s
        ({"per_sequence": 1e-6, "memory_of": lambda n: 1e8 * n}, {"max_memory_gb": 2.0}, [2, 4, 8], "memory"),
        ({"per_sequence": 1e-6, "fails_at": 16}, {}, [2, 4, 8], "error"),
    ],
)
def test_batches_double_up_to_a_limit(monkeypatch, clock, settings, sizes, limit):
    fake_clock(monkeypatch, **clock)
    chosen = SpeedSettings(**{"batch_size": 2, "forward_batches": 1, "repeats": 3, **settings})
    found = list(measure_forward(recipe("reference/narrow/deepstarr"), chosen, CPU))
    assert [rows[0]["batch_size"] for rows, _, _ in found] == sizes
    assert [reason for _, _, reason in found] == [""] * (len(sizes) - 1) + [limit]


def test_other_errors_are_not_taken_for_full_memory(monkeypatch):
    def forward_at(network, x, settings, device):
        if len(x) > 2:
            raise RuntimeError("shapes do not fit")
        return [(1e-6, 1e-6)], 0

    monkeypatch.setattr(speed, "_forward_at", forward_at)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        list(measure_forward(recipe("reference/narrow/deepstarr"), FEW, CPU))


@pytest.fixture(scope="module")
def measured():
    names = ("demo/dream_rnn", "reference/narrow/deepstarr", "kmer_ridge")
    kept = []
    found = measure_speed({name: recipe(name) for name in names}, FEW, CPU, 1, lambda *tables: kept.append(tables))
    assert [summary["model"].nunique() for _, summary in kept] == [1, 2]
    pd.testing.assert_frame_equal(kept[-1][1], found[1])
    return found


def test_tables(measured):
    repeats, summary = measured
    assert set(summary["model"]) == {"demo/dream_rnn", "reference/narrow/deepstarr"}  # the ridge takes no steps
    assert summary["batch_size"].tolist() == 2 * [2, 2, 4, 8]
    assert summary["kind"].tolist() == 2 * ["training", "forward", "forward", "forward"]
    assert summary["limit"].tolist() == 2 * ["", "", "", "largest"]
    assert summary.loc[0, "parameters"] == 33330
    for row in summary.itertuples():
        own = repeats.query("model == @row.model and kind == @row.kind and batch_size == @row.batch_size")
        assert len(own) == row.repeats == 3
        assert row.seconds_per_batch == pytest.approx(np.median(own["seconds_per_batch"]))
        assert row.sequences_per_second_low <= row.sequences_per_second <= row.sequences_per_second_high
        assert own["batches"].tolist() == [row.batches] * 3


def test_figure(measured):
    repeats, summary = measured
    for n_models in (2, 1, 10):
        copies = [(r.assign(model=f"{m} {i}"), s.assign(model=f"{m} {i}")) for i in range(5)
                  for m, r, s in ((m, repeats[repeats["model"] == m], summary[summary["model"] == m])
                                  for m in summary["model"].unique())]  # fmt: skip
        figure, table, caption = speed_figure(
            *(pd.concat(part, ignore_index=True) for part in zip(*copies[:n_models], strict=True))
        )
        figure.canvas.draw()
        drawn, frame = figure.get_tightbbox(), figure.bbox_inches
        plt.close(figure)
        assert (drawn.x0 > -0.02, drawn.x1 < frame.x1 + 0.02) == (True, True)
        steps, forward, memory, _ = figure.axes
        assert len(steps.get_yticklabels()) == table["model"].nunique() == n_models
        assert len(memory.patches) == 2 * n_models
        best = summary[summary["kind"] == "forward"].groupby("model")["sequences_per_second"].idxmax()
        shown = {text.get_text() for text in forward.get_yticklabels()}
        assert shown <= {str(size) for size in summary.loc[best, "batch_size"]}
        assert "Measured on" in caption


def test_command(tmp_path, monkeypatch):
    fake_clock(monkeypatch, 1e-3)
    out = [str(tmp_path / name) for name in ("speed.tsv", "repeats.tsv")]
    few = ["--batch-size", "2", "--batches", "1", "--repeats", "2", "--max-batch", "4"]
    models = ["demo/dream_rnn", f"mine={RECIPES / 'reference' / 'narrow' / 'deepstarr.yaml'}"]
    given = ["benchmark", *models, *few, "--output", out[0], "--repeats-table", out[1], "--figures", str(tmp_path)]
    assert main(given) == 0
    table = pd.read_csv(out[0], sep="\t")
    assert table["model"].unique().tolist() == ["demo/dream_rnn", "mine"]
    assert table.groupby("model")["batch_size"].max().tolist() == [4, 4]
    assert (tmp_path / "speed.png").stat().st_size > 0
    assert len(pd.read_csv(out[1], sep="\t")) == 2 * 3 * 2


def test_command_tells_all_problems_at_once(tmp_path, capsys):
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "task: expression\nmodel: network\nprix_fixe: {data: bhi, first: bhi, core: bhi, final: unlockdna}\n"
    )
    models = ["dream_rn", "kmer_ridge", str(bad), "dream_cnn", "dream_cnn"]
    assert main(["benchmark", *models, "--output", str(tmp_path / "s.tsv")]) == 1
    told = capsys.readouterr().err
    for text in (
        "did you mean 'dream_rnn'",
        "kmer_ridge.yaml: no network of task expression or profiles",
        "does not work",
        "'dream_cnn' is given twice",
    ):
        assert text in told


@pytest.mark.skipif(sys.platform != "linux", reason="the count starts anew on Linux alone")
def test_peak_memory_starts_anew():
    big = np.ones(60_000_000)
    del big
    memory = PeakMemory(CPU)
    before = memory.read()
    again = np.ones(25_000_000)
    grown = memory.read() - before
    assert 150e6 < grown < 300e6
    del again
