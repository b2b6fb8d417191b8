"""The whole DAG: ends, does nothing the second time, gives the same bytes on one core, survives kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from cisflow.code_digest import library_hash
from cisflow.run_manifest import read_run_manifest, verify_run
from conftest import CHECKOUT
from running import TINY, command, environment, planned_rules, snakemake, tables

pytestmark = pytest.mark.dag


def test_run_ends_with_a_report_that_needs_no_network(tiny_run):
    page = (tiny_run / "results" / "tiny" / "report.html").read_text()
    assert "<h2" in page
    assert page.count("<img") >= 10
    for outside in ('src="http', 'href="http', "@import", "url(http"):
        assert outside not in page


def test_files_of_the_run_match_its_manifest(tiny_run):
    root = tiny_run / "results" / "tiny"
    recorded = read_run_manifest(root)
    assert verify_run(root, library_hash()).empty
    assert "report.html" in recorded["files"]
    assert recorded["command"].startswith("snakemake ")
    assert "--configfile" in recorded["command"]


def test_second_run_does_nothing(tiny_run):
    code, text = snakemake(tiny_run, "--cores", "2", "--configfile", str(TINY))
    assert code == 0
    assert "Nothing to be done" in text


#: The last tables of every arm; with them come nearly all jobs that draw or write nothing for the report.
LAST_TABLES = (
    "evaluation/promoters/ranking.tsv",
    "expression/designed.maude.ceiling.tsv",
    "evaluation/synthetic/contact_summary.tsv",
    "contacts/synthetic/compartments.tsv",
    "contacts_export/synthetic/orca.mcool",
    "variants/substitutions/effects.parquet",
    "variants/structural/effects.parquet",
    "designs/contrast/order.tsv",
    "screens/sites/orca.parquet",
    "screens/segments/orca.parquet",
)


def test_one_core_gives_the_same_tables(tiny_run, tmp_path):
    targets = [f"results/tiny/{name}" for name in LAST_TABLES]
    code, text = snakemake(tmp_path, "--cores", "1", "--configfile", str(TINY), "--", *targets)
    assert code == 0, text[-6000:]
    expected, found = tables(tiny_run), tables(tmp_path)
    assert found.keys() < expected.keys()
    assert [name for name in found if expected[name] != found[name]] == []


@pytest.mark.slow
def test_one_core_gives_the_same_bytes(tiny_run, tmp_path):
    """All files, pictures and report included."""
    code, text = snakemake(tmp_path, "--cores", "1", "--configfile", str(TINY))
    assert code == 0, text[-6000:]
    expected, found = tables(tiny_run), tables(tmp_path)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_every_figure_has_its_table(tiny_run):
    figures = sorted((tiny_run / "results" / "tiny" / "figures").rglob("*.svg"))
    assert len(figures) >= 10
    for svg in figures:
        for suffix in (".png", ".tsv", ".json"):
            assert svg.with_suffix(suffix).stat().st_size > 0, svg


def test_trained_models_answer_every_question(tiny_run):
    """Variants, a design, screens and queries of both arms: in the report, and predicted rather than refused."""
    root = tiny_run / "results" / "tiny"
    page = (root / "report.html").read_text()
    sections = {part.split('"')[0]: part for part in page.split('<h2 id="')[1:]}
    for name, figures in (("variants", 3), ("designs", 2), ("screens", 2), ("queries", 2)):
        assert sections[name].count("<img") == figures, name
    for name, models in (("substitutions", {"kmer_ridge"}), ("structural", {"orca"})):
        effects = pd.read_parquet(root / "variants" / name / "effects.parquet")
        assert set(effects["model"]) == models
        assert 0.8 < (effects["status"] == "predicted").mean() < 1
    assert "challenging" in " ".join(pd.read_csv(root / "designs" / "contrast" / "order.tsv", sep="\t")["subsets"])
    sites = pd.read_parquet(root / "screens" / "sites" / "orca.parquet")
    assert len(sites) == 600 // 20 + 100 // 20
    assert sites["impact"].max() > 0
    track = root / "screens" / "sites" / "orca.tracks" / f"orca.{sites['level'].iloc[0]}.bedGraph"
    assert len(track.read_text().splitlines()) == len(sites)
    inserted = pd.read_parquet(root / "screens" / "segments" / "orca.parquet")
    assert set(inserted["status"]) == {"predicted"}
    assert inserted["sequence"].nunique() == len(inserted) == 8


def test_counts_are_conserved_from_reads_to_elements(tiny_run):
    root = tiny_run / "results" / "tiny"
    counts = pd.read_parquet(root / "clusters" / "random.counts.parquet")
    for name in [c for c in counts.columns if c.startswith("bin")]:
        assert counts[name].sum() == pd.read_parquet(root / "reads" / "random" / f"{name}.parquet")["reads"].sum()


def test_a_changed_setting_reruns_what_depends_on_it_and_no_more(tiny_run, tmp_path):
    overlay = tmp_path / "more_draws.yaml"
    overlay.write_text("ranking:\n  draws: 300\n")
    code, text = snakemake(tiny_run, "-n", "--configfile", str(TINY), str(overlay))
    assert code == 0
    rules = planned_rules(text)
    assert "bootstrap_models" in rules
    assert not rules & {"count_reads", "cluster_sequences", "estimate_expression", "train_expression_model"}


def test_a_library_edit_reruns_the_stages_that_use_it(tiny_run, tmp_path):
    copy = tmp_path / "checkout"
    for name in ("workflow", "scripts", "config", "profiles", "envs", "tests"):
        ignored = shutil.ignore_patterns("golden", "__pycache__")
        shutil.copytree(CHECKOUT / name, copy / name, ignore=ignored)
    shutil.copy2(CHECKOUT / "Snakefile", copy)
    tiny = str(copy / "tests" / "workflow" / "tiny.yaml")
    _, text = snakemake(tiny_run, "-n", "--configfile", tiny, checkout=copy)
    assert "Nothing to be done" in text, text[-3000:]
    module = copy / "scripts" / "cisflow" / "evaluation" / "bootstrap.py"
    module.write_text(module.read_text() + "\nEDITED = True\n")
    _, text = snakemake(tiny_run, "-n", "--configfile", tiny, checkout=copy)
    rules = planned_rules(text)
    assert "bootstrap_models" in rules
    assert not rules & {"count_reads", "estimate_expression", "train_expression_model", "train_contact_model"}


def _kill_group(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _start(folder: Path, *arguments: str) -> subprocess.Popen:
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        command("--directory", str(folder), *arguments),
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_killed_run_continues_to_the_same_bytes(tiny_run, tmp_path):
    """SIGKILL of Snakemake and all its jobs in mid-training; the same command then ends with the same bytes."""
    # Training is what loses most when killed: take the stages before it from the finished run.
    shutil.copytree(tiny_run / "results", tmp_path / "results", copy_function=shutil.copy2)
    shutil.copytree(tiny_run / ".snakemake" / "metadata", tmp_path / ".snakemake" / "metadata")
    root = tmp_path / "results" / "tiny"
    (root / "predictions" / "promoters" / "dream_rnn.parquet").unlink()  # of the other models they stay as they are
    for lost in ("models/promoters/dream_rnn", "evaluation/promoters"):
        shutil.rmtree(root / lost)
    for figure in [*root.glob("figures/models/promoters.*"), *root.glob("figures/evaluation/promoters.*")]:
        figure.unlink()
    (root / "report.html").unlink()
    process = _start(tmp_path, "--cores", "1", "--configfile", str(TINY))
    state = tmp_path / "state" / "tiny" / "promoters" / "dream_rnn" / "seed1"
    deadline = time.monotonic() + 900
    while not any(state.rglob("state.pt")):  # under its final name: a state half-written counts for nothing
        assert process.poll() is None, "the run ended before a state was saved"
        assert time.monotonic() < deadline, "no state was saved"
        time.sleep(0.1)
    _kill_group(process)
    bundle = tmp_path / "results" / "tiny" / "models" / "promoters" / "dream_rnn" / "seed1"
    assert not (bundle / "weights.safetensors").exists()
    snakemake(tmp_path, "--unlock", "--configfile", str(TINY))
    code, text = snakemake(tmp_path, "--cores", "1", "--configfile", str(TINY))
    assert code == 0, text[-6000:]
    log = next((tmp_path / "logs" / "tiny").rglob("*dream_rnn*seed1*.log"))
    assert "continu" in log.read_text().lower() or "resum" in log.read_text().lower()
    assert tables(tmp_path) == tables(tiny_run)


def test_speed_of_the_networks_is_drawn_from_their_measurement(tiny_run, tmp_path):
    """Not part of the smallest run itself: its files are compared byte by byte, and timings are never the same."""
    overlay = tmp_path / "speed.yaml"
    overlay.write_text(
        "speed: {measure: true, batch_size: 4, batches: 2, forward_batches: 2, repeats: 3, max_batch: 8}\n"
    )
    drawn = "results/tiny/figures/models/promoters.speed.svg"
    code, text = snakemake(tiny_run, "--cores", "2", drawn, "--configfile", str(TINY), str(overlay))
    assert code == 0, text[-6000:]
    table = pd.read_csv((tiny_run / drawn).with_suffix(".tsv"), sep="\t")
    assert set(table["model"]) == {"dream_attn", "dream_cnn", "dream_rnn"}
