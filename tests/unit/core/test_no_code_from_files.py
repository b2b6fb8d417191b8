"""Nothing that a file holds is executed, and no name reaches a shell: read from the syntax trees of the code."""

from __future__ import annotations

import ast
import re

import pytest

from conftest import CHECKOUT

#: Calls that run what they are given, by their dotted names.
FORBIDDEN = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "pd.read_pickle",
    "pandas.read_pickle",
    "torch.hub.load",
}
#: Methods of archives that write under names of the archive.
UNPACKING = {"extract", "extractall"}
MODULES = {"marshal", "shelve", "dill", "cloudpickle", "joblib"}
FILES = sorted((CHECKOUT / "scripts").rglob("*.py"))
RULES = [CHECKOUT / "Snakefile", CHECKOUT / "workflow" / "Snakefile", *(CHECKOUT / "workflow" / "rules").glob("*.smk")]


def dotted(node: ast.expr) -> str:
    """Name of what is called: ``torch.load``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def constant(call: ast.Call, name: str) -> object:
    """Value of a keyword; None where it is not given."""
    return next((getattr(k.value, "value", "not constant") for k in call.keywords if k.arg == name), None)


def dangers(source: str) -> list[str]:
    """Calls and imports that could run code of a file, with their lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            found += [f"{node.lineno}: import {name}" for name in names if name.split(".")[0] in MODULES]
            found += [f"{node.lineno}: from {name}" for name in names if name in FORBIDDEN]
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name == "yaml.load" and loader_of(node).endswith("SafeLoader"):
            continue
        if name in FORBIDDEN or is_unpacking(node):
            found.append(f"{node.lineno}: {name}")
        if name == "torch.load" and constant(node, "weights_only") is not True:
            found.append(f"{node.lineno}: torch.load without weights_only=True")
        if name in ("np.load", "numpy.load") and constant(node, "allow_pickle"):
            found.append(f"{node.lineno}: {name} with allow_pickle")
        if constant(node, "shell"):
            found.append(f"{node.lineno}: {name} with a shell")
    return found


def loader_of(call: ast.Call) -> str:
    """What ``yaml.load`` is told to read with."""
    return next((dotted(k.value) for k in call.keywords if k.arg == "Loader"), "")


def is_unpacking(call: ast.Call) -> bool:
    """Whether a call is an archive's ``extract``: polars and pandas have one of text, with a pattern."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in UNPACKING:
        return False
    return call.func.attr == "extractall" or dotted(call.func).split(".")[0] in ("tar", "archive", "packed", "zipped")


@pytest.mark.parametrize("text", [
    "eval(x)", "import marshal", "from pickle import loads", "pickle.load(f)", "yaml.load(f)",
    "yaml.load(f, Loader=yaml.Loader)", "torch.load(p)", "torch.load(p, weights_only=False)",
    "np.load(p, allow_pickle=True)", "subprocess.run(c, shell=True)", "os.system(c)", "tar.extractall(p)",
    "tar.extract(m)",
])  # fmt: skip
def test_what_is_looked_for_is_found(text):
    assert dangers(text)


@pytest.mark.parametrize("text", [
    "torch.load(p, weights_only=True)", "yaml.load(f, Loader=yaml.SafeLoader)", "np.load(p)", "network.eval()",
    "re.compile(x)", "subprocess.run([a])", "pl.col(a).str.extract(p)",
])  # fmt: skip
def test_what_is_harmless_is_left_alone(text):
    assert not dangers(text)


def test_no_code_of_a_file_is_run():
    found = {str(path.relative_to(CHECKOUT)): dangers(path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert len(FILES) > 300


def test_rules_have_no_shell_so_that_no_name_reaches_one():
    found = []
    for path in RULES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.match(r"\s*(shell|run)\s*:", line) or re.search(r"\b(shell|os\.system|subprocess)\s*[.(]", line):
                found.append(f"{path.name} {number}: {line.strip()}")
    assert found == []
    assert len(RULES) > 10
