"""What rules ask for on a machine with GPUs: two GPUs in CUDA_VISIBLE_DEVICES and a driver's file stand in for it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from conftest import CHECKOUT
from running import TINY, environment

pytestmark = pytest.mark.dag

# Snakemake in a process that takes a file which is always there for the file of a GPU driver.
WITH_GPUS = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from cisflow import devices
devices.GPU_DEVICES = ("/dev/null",)
from snakemake.cli import main
sys.argv[0] = "snakemake"
main(sys.argv[1:])
"""


def run_with_gpus(folder, *arguments: str) -> str:
    command = [sys.executable, "-c", WITH_GPUS, str(CHECKOUT / "scripts"), "-s", str(CHECKOUT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(TINY), *arguments]
    visible = environment() | {"CUDA_VISIBLE_DEVICES": "0,1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=visible, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_no_more_gpu_jobs_run_than_there_are_gpus(tmp_path):
    text = run_with_gpus(tmp_path, "--cores", "8", "results/tiny/settings.yaml")
    assert re.search(r"Provided resources: .*\bgpu\b\D*2\b", text)
    given = run_with_gpus(
        tmp_path, "--cores", "8", "--resources", "gpu=5", "--forceall", "--", "results/tiny/settings.yaml"
    )
    assert re.search(r"Provided resources: .*\bgpu\b\D*5\b", given)


def rules() -> dict[str, str]:
    """Text of every rule by its name."""
    found = {}
    for path in sorted((CHECKOUT / "workflow" / "rules").glob("*.smk")):
        for part in re.split(r"(?m)^ *rule (?=\w+:)", path.read_text())[1:]:
            found[part.split(":")[0]] = part
    return found


def test_rules_that_compute_on_a_device_ask_for_gpus():
    computing = {name for name, text in rules().items() if '"device": config["device"]' in text}
    asking = {name for name, text in rules().items() if re.search(r"(?m)^ +gpu=.*\bgpus\(", text)}
    assert len(computing) >= 10
    assert computing <= asking


@pytest.mark.parametrize("name", ["slurm", "cluster-generic"])
def test_profiles_group_every_figure(name):
    groups = yaml.safe_load((CHECKOUT / "profiles" / name / "config.yaml").read_text())["groups"]
    asking = {rule for rule, text in rules().items() if re.search(r"(?m)^ +gpu=", text)}
    drawing = {rule for rule in rules() if rule.startswith("plot_")} - asking
    assert {rule for rule, group in groups.items() if group == "figures"} == drawing
    assert set(groups) <= set(rules())


def test_slurm_profile_has_a_line_for_every_gpu_job():
    text = (CHECKOUT / "profiles" / "slurm" / "config.yaml").read_text()
    block = re.search(r"(?m)^# set-resources:\n(?:#   .*\n)+", text)[0]
    given = yaml.safe_load(re.sub(r"(?m)^# ", "", block))["set-resources"]
    asking = {rule for rule, text in rules().items() if re.search(r"(?m)^ +gpu=", text)}
    made_of_them = {"screen_insertions"}  # of screen_disruptions
    assert set(given) == asking | made_of_them
    assert all(line == {"slurm_partition": "gpu"} for line in given.values())
