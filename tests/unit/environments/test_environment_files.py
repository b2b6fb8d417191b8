"""Environments of the rules: versions of the lock, specs that conda reads, and every package that is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from rattler import BuildString, MatchSpec, PackageRecord

from conftest import CHECKOUT

SCRIPTS = CHECKOUT / "scripts"
ENVIRONMENTS = sorted((CHECKOUT / "envs").glob("*.yaml"))
#: Names on conda channels of packages whose name in the lock is another one.
LOCK_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "python-isal": "isal"}
#: Names of modules of packages that are called otherwise.
MODULES = {"pyyaml": "yaml", "pybigwig": "pyBigWig", "python-isal": "isal", "matplotlib-base": "matplotlib"}
MODULES["pytorch"] = "torch"
#: Modules that come with another package of the same environment.
BROUGHT_ALONG = {"llvmlite": "numba"}
#: Programs and the interpreter are no packages of the lock.
NOT_LOCKED = {"python", "bowtie2"}


def locked() -> dict[str, str]:
    """Versions of the lock by normalised name."""
    lines = (CHECKOUT / "requirements.lock").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def specs(path: Path) -> dict[str, str]:
    """Versions of an environment file by name."""
    return dict(spec.split("=") for spec in yaml.safe_load(path.read_text())["dependencies"])


def record(name: str, version: str) -> PackageRecord:
    return PackageRecord(name, version, BuildString("0"), 0, "linux-64")


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda p: p.stem)
def test_every_spec_parses_and_means_the_version_of_the_lock(path):
    lock, content = locked(), yaml.safe_load(path.read_text())
    assert content["channels"] == ["conda-forge", "bioconda", "nodefaults"]
    for text in content["dependencies"]:
        spec = MatchSpec(text, strict=True)
        name, version = text.split("=")
        assert spec.matches(record(name, version))
        assert not spec.matches(record(name, "0.0.1")), f"{text} is no pin"
        if name not in NOT_LOCKED:
            locked_version = lock[LOCK_NAMES.get(name, name)]
            assert spec.matches(record(name, locked_version)), f"{path.name}: {text}, the lock has {locked_version}"


def test_what_several_environments_have_is_the_same_version():
    versions: dict[str, set[str]] = {}
    for path in ENVIRONMENTS:
        for name, version in specs(path).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_lock_pins_everything_once_and_agrees_with_pyproject():
    lines = [line for line in (CHECKOUT / "requirements.lock").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    lock = locked()
    assert len(lock) == len(lines)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for wanted in [
        *project["dependencies"],
        *(w for group in project["optional-dependencies"].values() for w in group),
    ]:
        name, version = wanted.split("==")
        assert lock[name.lower()] == version, wanted
    assert all(specs(path)["python"] == project["requires-python"].removeprefix(">=") for path in ENVIRONMENTS)


def test_every_environment_is_used_and_exists():
    used = {environment for _, environment, _ in rules()}
    assert used == {path.stem for path in ENVIRONMENTS}


def rules() -> list[tuple[str, str, str]]:
    """Name, environment and script of every rule."""
    found = []
    for path in sorted((CHECKOUT / "workflow" / "rules").glob("*.smk")):
        for text in re.split(r"\n *rule ", path.read_text())[1:]:
            environment, script = re.search(r"envs/(\w+)\.yaml", text), re.search(r"scripts/(\w+\.py)", text)
            if script:
                assert environment, text
                found.append((text.split(":")[0], environment[1], script[1]))
    return found


def imported(tree: ast.AST) -> list[str]:
    """Dotted names that a module imports when it runs, also within functions; not those for type checkers."""
    names, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        waiting.extend(ast.iter_child_nodes(node))
    return names


@cache
def imports_of(path: Path) -> tuple[frozenset[Path], frozenset[str]]:
    """Files of the library, and modules of other packages, that a file imports."""
    own, others = set(), set()
    for name in imported(ast.parse(path.read_text())):
        if name.split(".")[0] == "cisflow":
            base = SCRIPTS.joinpath(*name.split("."))
            own |= {file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()}
        else:
            others.add(name.split(".")[0])
    return frozenset(own), frozenset(others - set(sys.stdlib_module_names))


def modules_of(script: str) -> dict[str, Path]:
    """Modules of other packages that a script can import, with the file that does."""
    waiting, seen, found = [SCRIPTS / script], set(), {}
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            own, others = imports_of(path)
            waiting.extend(own)
            found |= dict.fromkeys(others, path)
    return found


def test_an_environment_has_every_package_that_its_rules_import():
    """The syntax tree decides, not this machine, where everything is installed."""
    missing = []
    for rule, environment, script in rules():
        packages = {MODULES.get(name, name) for name in specs(CHECKOUT / "envs" / f"{environment}.yaml")}
        for module, path in modules_of(script).items():
            if BROUGHT_ALONG.get(module, module) not in packages:
                missing.append(f"rule {rule} runs in {environment}, but {path.relative_to(SCRIPTS)} imports {module}")
    assert missing == []
