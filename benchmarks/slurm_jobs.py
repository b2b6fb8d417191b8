"""What a job costs beside its work: on this machine, through Slurm alone, and through Slurm in a group.

Three short jobs of the workflow (settings, a simulated library, a simulated map) are run in one go in each of the
three ways; the Slurm is that of the tests (tests/slurm.py, needs root and Debian's slurm-wlm and munge). CPU seconds
are those of all processes, daemons included, less those of a plan of the same jobs (`snakemake -n`).

    python benchmarks/slurm_jobs.py
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from running import command, environment  # noqa: E402
from slurm import cluster, why_not  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36  # of prctl: orphaned processes of jobs become children of this one
TARGETS = ["settings.yaml", "simulated/random.truth.parquet", "simulated/synthetic.fa"]
RULES = ["record_settings", "simulate_random_library", "simulate_contacts"]
PLAIN = ["--slurm-status-command", "squeue", "--slurm-no-account", "--slurm-init-seconds-before-status-checks", "1"]


def cpu_seconds() -> float:
    """CPU seconds of all ended children, orphans of theirs included."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(*options: str, path: str = "") -> None:
    """Run the three jobs in a folder of their own."""
    found = environment()
    with tempfile.TemporaryDirectory() as folder:
        given = command("--directory", folder, "--configfile", str(CHECKOUT / "tests" / "workflow" / "slurm.yaml"))
        given += [*options, "--", *(f"results/slurm/{target}" for target in TARGETS)]
        path = f"{path}{os.pathsep}{found['PATH']}" if path else found["PATH"]
        done = subprocess.run(
            given, cwd=CHECKOUT, env=found | {"PATH": path}, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-3000:]


def main() -> None:
    """Print CPU seconds per job in each way."""
    if reason := why_not():
        print(f"not run: {reason}")
        return
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    run("--cores", "1", "-n")
    plan = cpu_seconds()
    run("--cores", "1")
    local = cpu_seconds() - 2 * plan
    profile = ["--workflow-profile", "profiles/slurm", "--cores", "4", *PLAIN]
    before = cpu_seconds()
    with cluster():
        pass
    start = cpu_seconds() - before
    grouping = ["--groups", *(f"{rule}=one" for rule in RULES), "--group-components", "one=3"]
    rows = {"local": local}
    for name, options in (("Slurm", ["--groups", "plot_split=figures"]), ("Slurm, one group of three", grouping)):
        before = cpu_seconds()
        with cluster() as slurm:
            run(*profile, *options, path=str(slurm.bin))
        rows[name] = cpu_seconds() - before - start - plan
    print(f"plan of the jobs: {plan:.1f} CPU s; start and stop of the Slurm: {start:.1f} CPU s")
    for name, seconds in rows.items():
        print(f"{name}: {seconds / len(RULES):.1f} CPU s per job, {(seconds - local) / len(RULES):.1f} more than here")


if __name__ == "__main__":
    main()
