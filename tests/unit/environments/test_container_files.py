"""Images built from the lock: what can be checked of their recipes without an engine that builds them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import yaml

from conftest import CHECKOUT

INSTALL = "/opt/cisflow"


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments."""
    text = re.sub(r"\\\n", " ", (CHECKOUT / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def definition() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Header and sections of the Apptainer definition."""
    header, sections, section = {}, {}, None
    for line in (CHECKOUT / "apptainer.def").read_text().splitlines():
        if line.startswith("%"):
            section = line[1:].strip()
            sections[section] = []
        elif line.strip() and not line.startswith("#"):
            if section is None:
                key, value = line.split(": ", 1)
                header[key] = value
            else:
                sections[section].append(line.strip())
    return header, sections


def docker_copies() -> dict[str, str]:
    """Places in the image by their source in the checkout."""
    found = {}
    for name, given in dockerfile():
        if name == "COPY":
            *sources, place = given.split()
            found |= {source: f"{place.rstrip('/')}/{source}" if place.endswith("/") else place for source in sources}
    return found


def test_the_dockerfile_has_known_instructions_in_order():
    names = [name for name, _ in dockerfile()]
    assert names[0] == "FROM"
    assert set(names) <= {"FROM", "COPY", "RUN", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"}
    place = names.index("RUN", names.index("RUN") + 1)
    assert dockerfile()[place - 1][1].startswith("requirements.lock "), "the lock is copied before it is installed"


def test_every_source_exists_and_is_not_ignored():
    header, sections = definition()
    assert header["Bootstrap"] == "docker"
    pairs = dict(line.split() for line in sections["files"])
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    for source, place in {**docker_copies(), **pairs}.items():
        assert (CHECKOUT / source).exists(), source
        assert place == f"{INSTALL}/{source}"
        assert source.split("/")[0] not in ignored
    assert set(pairs) == {source for source in docker_copies() if source != "envs/system-tools.sh"}


def test_everything_that_a_run_reads_is_copied():
    needed = {"Snakefile", "workflow", "scripts", "config", "envs", "profiles", "requirements.lock", "pyproject.toml"}
    assert needed <= set(docker_copies())
    project = (CHECKOUT / "pyproject.toml").read_text()
    assert all(name in docker_copies() for name in re.findall(r'"(README\.md|LICENSE)"', project))


def test_both_start_from_the_same_python_as_the_environments_and_install_the_same():
    base = dict(dockerfile())["FROM"]
    header, sections = definition()
    assert header["From"] == base
    python = next(
        s for s in yaml.safe_load((CHECKOUT / "envs" / "table.yaml").read_text())["dependencies"] if "python=" in s
    )
    assert base.startswith(f"python:{python.split('=')[1]}-")
    assert base.endswith("bookworm"), "Debian 12, whose Bowtie2 is that of envs/reads.yaml"
    commands = [part.strip() for name, given in dockerfile() if name == "RUN" for part in given.split("&&")]
    assert sections["post"] == ["set -eu", *commands]
    assert (
        f"python -m pip install --no-cache-dir --disable-pip-version-check -r {INSTALL}/requirements.lock" in commands
    )
    assert "bowtie2=2.5.0" in (CHECKOUT / "envs" / "reads.yaml").read_text()


def test_shell_parts_parse():
    _, sections = definition()
    parts = ["\n".join(sections[name]) for name in ("post", "environment", "runscript", "test")]
    parts += [given for name, given in dockerfile() if name == "RUN"]
    for part in parts:
        done = subprocess.run(["sh", "-n"], input=part, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert os.access(CHECKOUT / "envs" / "system-tools.sh", os.X_OK)


def test_both_start_the_workflow_in_the_same_way():
    _, sections = definition()
    entry = yaml.safe_load(dict(dockerfile())["ENTRYPOINT"])
    assert shlex.split(sections["runscript"][0]) == ["exec", *entry, "$@"]
    for option, suffix in (("-s", ""), ("--workflow-profile", "/config.yaml")):
        place = entry[entry.index(option) + 1].removeprefix(f"{INSTALL}/")
        assert (CHECKOUT / f"{place}{suffix}").is_file()


def test_the_catalog_entry_has_its_fields():
    entry = yaml.safe_load((CHECKOUT / ".snakemake-workflow-catalog.yml").read_text())
    usage = entry["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert usage["software-stack-deployment"] == {"conda": True, "apptainer": False}
    rules = "".join(path.read_text() for path in (CHECKOUT / "workflow" / "rules").glob("*.smk"))
    assert "container:" not in rules, "no rule names an image, so that the entry must not promise one"
    assert usage["report"] is True
    assert (CHECKOUT / "workflow" / "Snakefile").is_file(), "the catalog looks for it"
    readme = (CHECKOUT / "config" / "README.md").read_text()
    assert "snakemake" in readme
    assert "workflow" in readme
