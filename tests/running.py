"""Run Snakemake as a user would, in a folder of the test's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import CHECKOUT

TINY = CHECKOUT / "tests" / "workflow" / "tiny.yaml"


def command(*arguments: str, checkout: Path = CHECKOUT) -> list[str]:
    """Command line of this environment's Snakemake on a checkout."""
    return [sys.executable, "-m", "snakemake", "-s", str(checkout / "Snakefile"), *arguments]


def environment() -> dict[str, str]:
    """Environment in which rule scripts find this environment's python."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def snakemake(folder: Path, *arguments: str, checkout: Path = CHECKOUT, timeout: float = 1800) -> tuple[int, str]:
    """Run Snakemake with ``folder`` as its working folder; returns the exit code and all that it printed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command("--directory", str(folder), *arguments, checkout=checkout),
        cwd=checkout,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout


def started(folder: Path, log: Path, *arguments: str) -> subprocess.Popen:
    """Start Snakemake in a process group of its own and go on; what it prints goes to ``log``."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        return subprocess.Popen(
            command("--directory", str(folder), *arguments),
            cwd=CHECKOUT,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def planned_rules(text: str) -> set[str]:
    """Names of the rules in the job table of a dry run."""
    lines = text.splitlines()
    rules = set()
    for start in [i for i, line in enumerate(lines) if line.startswith("job ") and "count" in line]:
        for line in lines[start + 2 :]:
            if not line.strip() or line.startswith("total"):
                break
            rules.add(line.split()[0])
    return rules - {"all"}


def tables(folder: Path) -> dict[str, bytes]:
    """Bytes of every table and figure of a run by its path.

    Without its manifest, which names the command, and without hidden files: unfinished ones, and records of the others.
    """
    root = folder / "results"
    found = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    found = {name: data for name, data in found.items() if "/." not in f"/{name}"}
    return {name: data for name, data in found.items() if not re.fullmatch(r"[^/]+/manifest\.json", name)}
