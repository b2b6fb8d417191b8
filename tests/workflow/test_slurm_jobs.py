"""Runs on a real Slurm of two nodes (tests/slurm.py), through the profiles that users get: the tables of a local run.

Every job of a cluster starts Snakemake twice, some ten CPU seconds: the run of these tests (slurm.yaml) is small, and
its jobs go to the nodes in a few groups beside those of the profile.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import CHECKOUT
from faults import Fault
from running import TINY, command, environment, snakemake, tables
from slurm import CPUS, MEMORY_MB, Cluster, cluster, why_not

pytestmark = [pytest.mark.dag, pytest.mark.skipif(bool(why_not()), reason=why_not() or "Slurm is here")]

# Waits are set for real clusters in the profile; here a look costs nothing.
QUICK = ["--slurm-init-seconds-before-status-checks", "1"]
# Without an accounting database.
PLAIN = ["--slurm-status-command", "squeue", "--slurm-no-account"]
NODE = ["--cores", str(CPUS), "--resources", f"mem_mb={MEMORY_MB}"]
#: Jobs that go to a node together in these tests, beside the groups of the profile.
TOGETHER = {
    "inputs": "simulate_random_library simulate_reads_random simulate_contacts encode_genome",
    "elements": "count_reads cluster_sequences count_elements",
    "expression": "estimate_expression build_dataset measure_test_ceiling",
    "map": "prepare_contact_map compute_expected",
    "predictions": "predict_expression predict_contacts",
}
PARTS = {"inputs": 2, "predictions": 2}
SMALL = CHECKOUT / "tests" / "workflow" / "slurm.yaml"
ROOT = "results/slurm"
TARGETS = [
    f"{ROOT}/evaluation/promoters/ranking.tsv",
    f"{ROOT}/evaluation/promoters/scores.tsv",
    f"{ROOT}/predictions/synthetic/orca.contacts.npz",
    f"{ROOT}/figures/evaluation/promoters.ranking.svg",
]


@pytest.fixture(scope="module")
def slurm():
    with cluster() as running:
        yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    """The same run without a cluster."""
    folder = tmp_path_factory.mktemp("local")
    code, text = snakemake(folder, "--cores", "2", "--configfile", str(SMALL), "--", *TARGETS)
    assert code == 0, text[-6000:]
    return folder


def profile(name: str) -> dict:
    """Settings of a profile of the project."""
    return yaml.safe_load((CHECKOUT / "profiles" / name / "config.yaml").read_text())


def grouped(name: str) -> list[str]:
    """Options for the groups of a profile and those of the tests; one option replaces the whole list of the profile."""
    given = profile(name)
    rules = given["groups"] | {rule: group for group, members in TOGETHER.items() for rule in members.split()}
    options = ["--groups", *(f"{rule}={group}" for rule, group in rules.items())]
    return [
        *options,
        "--group-components",
        *(f"{group}={n}" for group, n in (given["group-components"] | PARTS).items()),
    ]


def on(slurm: Cluster) -> dict[str, str]:
    """Environment in which the programs of a cluster are found first."""
    found = environment()
    return found | {"PATH": f"{slurm.bin}{os.pathsep}{found['PATH']}"}


def start(slurm: Cluster, folder: Path, name: str, *arguments: str, config: Path = SMALL) -> subprocess.Popen:
    """Start Snakemake with a profile of the project in a folder; what it prints goes to ``printed``."""
    folder.mkdir(parents=True, exist_ok=True)
    given = command("--directory", str(folder), "--workflow-profile", f"profiles/{name}", *NODE)
    with (folder / "printed").open("ab") as printed:
        return subprocess.Popen(
            [*given, "--configfile", str(config), *arguments],
            cwd=CHECKOUT,
            env=on(slurm),
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def ends(slurm: Cluster, folder: Path, process: subprocess.Popen, seconds: float = 1500) -> str:
    """Wait for a run that must end well; returns what it printed."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    text = (folder / "printed").read_text()
    logs = "\n".join(path.read_text()[-2000:] for path in sorted(folder.glob(".snakemake/slurm_logs/**/*.log"))[-3:])
    assert process.returncode == 0, f"{text[-6000:]}\n{logs}\n{slurm.logs()}"
    return text


def same_as_local(folder: Path, local: Path) -> int:
    """Assert that all files of a run have the bytes of those of the local run; returns how many there are."""
    found = tables(folder)
    differing = [name for name, data in found.items() if (local / "results" / name).read_bytes() != data]
    assert differing == []
    return len(found)


def copy_of(local: Path, folder: Path, *without: str) -> None:
    """Copy the local run without some folders or files (below its results)."""
    for part in ("results", ".snakemake/metadata"):
        shutil.copytree(local / part, folder / part, copy_function=shutil.copy2)
    for name in without:
        for lost in (folder / ROOT).glob(name):
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()


def test_slurm_run_gives_the_tables_of_the_local_run(slurm, local, tmp_path):
    """From reads to a ranking and its figure, and from contacts to predicted contacts, byte by byte."""
    asked = [*PLAIN, *QUICK, *grouped("slurm"), "--", *TARGETS]
    text = ends(slurm, tmp_path, start(slurm, tmp_path, "slurm", *asked))
    assert "Trying to restart" not in text
    jobs = slurm.client("scontrol", "-o", "show", "jobs").splitlines()
    assert {re.search(r"JobState=(\w+)", line)[1] for line in jobs} == {"COMPLETED"}
    assert {re.search(r" NodeList=(\w+)", line)[1] for line in jobs} == {"n1", "n2"}
    assert len(jobs) <= 10  # for 20 jobs of the workflow
    assert same_as_local(tmp_path, local) == len(tables(local))


LOST_NODE = Fault(
    name="a node of a cluster is lost in mid-job (its daemon and all processes of its jobs, as by a power cut)",
    happens="Slurm notices that the node is silent and queues the job again, or the run hands it in again; the "
    "training goes on from its saved state on another node",
    says=(": continue at step",),
    mends="nothing to mend; a node that comes back takes jobs again",
    tried="a real Slurm of two nodes: SIGKILL of everything on the node that trains, once a state is saved; a run of "
    "`tests/workflow/slurm.yaml`; skipped without root and Slurm",
)


def test_a_run_goes_on_without_a_lost_node(slurm, local, tmp_path):
    copy_of(local, tmp_path, "models/promoters", "predictions/promoters", "evaluation", "figures")
    process = start(slurm, tmp_path, "slurm", *PLAIN, *QUICK, "--", f"{ROOT}/predictions/promoters/dream_cnn.parquet")
    state = tmp_path / "state" / "slurm" / "promoters" / "dream_cnn" / "seed1"

    def training() -> bool:
        assert process.poll() is None, (tmp_path / "printed").read_text()[-4000:]
        return any(state.rglob("state.pt"))

    slurm.wait_until(training, "no state was saved", 600)
    job, node = slurm.client("squeue", "-h", "-t", "R", "-o", "%i %N").split()
    slurm.kill_node(node)
    try:
        # Slurm sees it after half a minute and would hold the job back for two more.
        slurm.wait_until(
            lambda: slurm.client("squeue", "-h", "-j", job, "-o", "%T").strip() == "PENDING", "not queued again"
        )
        slurm.client("scontrol", "update", f"JobId={job}", "StartTime=now")
        assert not (tmp_path / ROOT / "models" / "promoters" / "dream_cnn" / "seed1" / "weights.safetensors").exists()
        ends(slurm, tmp_path, process)
    finally:
        slurm.start_node(node)
    assert same_as_local(tmp_path, local) > 20
    LOST_NODE.told((tmp_path / "logs" / "slurm" / "models" / "promoters.dream_cnn.seed1.log").read_text())


def test_generic_cluster_command(slurm, local, tmp_path):
    """The profile for any scheduler, with sbatch as its command: a library from its elements to expression."""
    copy_of(local, tmp_path, "clusters/random.counts.parquet", "clusters/random.funnel.tsv", "expression")
    target = f"{ROOT}/expression/random.bin-mean.parquet"
    text = ends(slurm, tmp_path, start(slurm, tmp_path, "cluster-generic", "--", target))
    assert len(re.findall(r"Submitted job \d+ with external jobid '\d+'", text)) == 2
    assert same_as_local(tmp_path, local) > 20


def test_a_job_that_fails_is_seen_by_the_generic_profile(slurm):
    """The status command of the profile, for each end of a job."""
    status = profile("cluster-generic")["cluster-generic-status-cmd"]

    def of(job: str) -> str:
        done = subprocess.run(
            f"{status} '{job}'", shell=True, env=on(slurm), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    jobs = {
        word: slurm.client("sbatch", "--parsable", f"--wrap={word}", "-o", "/dev/null").strip()
        for word in ("true", "false")
    }
    waiting = slurm.client("sbatch", "--parsable", "--hold", "--wrap=true", "-o", "/dev/null").strip()
    slurm.wait_until(lambda: of(jobs["true"]) != "running" and of(jobs["false"]) != "running", "jobs do not end")
    assert [of(jobs["true"]), of(jobs["false"]), of(waiting), of("999999")] == [
        "success",
        "failed",
        "running",
        "failed",
    ]
    slurm.client("scancel", waiting)
    assert of(waiting) == "failed"


GPU_JOBS = """
rule all:
    input: "gpu", "gres", "none"

rule gpu:
    output: "gpu"
    resources: gpu=1
    shell: "echo $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES:-}} > {output}; sleep 4"

rule gres:
    output: "gres"
    resources: gpu=1
    shell: "echo $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES:-}} > {output}; sleep 4"

rule none:
    output: "none"
    resources: gpu=0
    shell: "echo ${{CUDA_VISIBLE_DEVICES:-none}} > {output}"
"""


def gpu_lines() -> dict[str, dict]:
    """The lines for GPU jobs in the Slurm profile, out of their comment, and under ``gres`` the other form."""
    text = (CHECKOUT / "profiles" / "slurm" / "config.yaml").read_text()
    block = re.search(r"(?m)^# set-resources:\n(?:#   .*\n)+", text)[0]
    given = yaml.safe_load(re.sub(r"(?m)^# ", "", block))["set-resources"]
    return given | {"gres": yaml.safe_load(re.search(r"each line reads (\{.*?\})", text)[1])}


def test_gpus_are_asked_for_as_gpu_and_as_gres(slurm, tmp_path):
    """Both forms of the profile reach Slurm as one GPU for each job, and a rule with gpu=0 gets none."""
    (tmp_path / "Snakefile").write_text(GPU_JOBS)
    lines = gpu_lines()
    forms = {"gpu": lines["train_expression_model"], "gres": lines["gres"]}
    changed = [f"{rule}:{name}={value}" for rule, form in forms.items() for name, value in form.items()]
    given = [*command()[: command().index("-s")], "--jobs", "9", "--executor", "slurm", *PLAIN, *QUICK]
    given += ["--default-resources", "slurm_partition=cpu", "mem_mb=1000", "--set-resources", *changed]
    done = subprocess.run(given, cwd=tmp_path, env=on(slurm), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    jobs = {line.split()[0]: line for line in slurm.client("scontrol", "-o", "show", "jobs").splitlines()}
    numbers = []
    for name, asked in (("gpu", "TresPerJob=gres:gpu:1"), ("gres", "TresPerNode=gres:gpu:1")):
        job, *gpus = (tmp_path / name).read_text().split()
        numbers += gpus
        assert asked in jobs[f"JobId={job}"]
        assert " Partition=gpu " in jobs[f"JobId={job}"]
    assert sorted(numbers) == (["0", "1"] if slurm.numbers_gpus else [])  # at the same time, each job its own
    assert (tmp_path / "none").read_text().strip() == "none"


@pytest.mark.slow
@pytest.mark.parametrize("config", [TINY, CHECKOUT / "config" / "config.yaml"], ids=["tiny", "demo"])
def test_all_files_of_a_run_on_slurm(slurm, tmp_path, config):
    """The whole smallest run and the whole demo, report and pictures included, beside a local run."""
    code, text = snakemake(tmp_path / "local", "--cores", "2", "--configfile", str(config), timeout=2 * 3600)
    assert code == 0, text[-6000:]
    folder = tmp_path / "slurm"
    ends(slurm, folder, start(slurm, folder, "slurm", *PLAIN, *QUICK, config=config), 4 * 3600)
    assert same_as_local(folder, tmp_path / "local") == len(tables(tmp_path / "local"))
