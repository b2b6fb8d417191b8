"""Entries and tidiness: lint, format, the catalog's entry, another working folder, every study overlay."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import CHECKOUT, SHARED
from running import TINY, command, environment, planned_rules, snakemake

pytestmark = pytest.mark.dag
STUDIES = sorted(p for p in (CHECKOUT / "config" / "studies").glob("*.yaml"))


def run(*arguments):
    return subprocess.run(
        arguments, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def test_lint_is_clean():
    done = run(*command("--lint"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakefmt_is_clean():
    done = run(sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow")
    assert done.returncode == 0, done.stderr


def test_both_entries_plan_the_same_jobs(tmp_path):
    _, root = snakemake(tmp_path, "-n", "-F", "--quiet", "reason")
    done = run(
        sys.executable, "-m", "snakemake", "-s", "workflow/Snakefile", "-n", "-F", "--directory", str(tmp_path),
        "--quiet", "reason",
    )  # fmt: skip
    rules = planned_rules(root)
    assert len(rules) > 15
    assert rules == planned_rules(done.stdout + done.stderr)


@pytest.mark.parametrize("overlay", STUDIES, ids=lambda p: p.stem)
def test_every_study_plans(tmp_path, overlay):
    if not (SHARED / "data").is_dir():
        pytest.skip("real data (../shared/data) is not there; it is not part of the project")
    code, text = snakemake(tmp_path, "-n", "--configfile", str(overlay), "--config", f"data_dir={SHARED / 'data'}")
    assert code == 0, text[-3000:]
    assert "report" in planned_rules(text)
    simulated = {name for name in planned_rules(text) if name.startswith("simulate_")}
    assert bool(simulated) == overlay.stem.endswith("_demo"), simulated


def test_every_rule_has_its_directives():
    for path in (CHECKOUT / "workflow" / "rules").glob("*.smk"):
        rules = path.read_text().split("\nrule ")[1:]
        for rule in rules:
            name = rule.split(":")[0]
            for directive in ("log:", "conda:", "message:", "mem_mb=", "runtime=", "params:", "code="):
                assert directive in rule, f"rule {name} in {path.name} has no {directive}"


def test_wrong_config_stops_before_any_job(tmp_path):
    code, text = snakemake(tmp_path, "--cores", "1", "--config", "devise=cpu", "sead=1")
    assert code != 0
    assert "unknown key (did you mean 'device'?)" in text
    assert "unknown key (did you mean 'seed'?)" in text
    assert not (tmp_path / "results").exists()


def test_gpu_where_there_is_none_stops_before_any_job(tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    code, text = snakemake(tmp_path, "--cores", "1", "--configfile", str(TINY), "--config", "device=cuda")
    assert code != 0
    assert "cuda" in text
    assert "no GPU" in text
    assert not (tmp_path / "results" / "tiny" / "simulated").exists()
