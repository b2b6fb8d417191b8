"""What made a result: code, versions, inputs, settings.

Purpose: a digest of the library code that a rule script uses (a rule parameter, so that a code change reruns the
stages that use it and no more), and the manifest beside every model.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from cisflow import __version__
from cisflow.files import sha256

PACKAGE = Path(__file__).parent


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
    return tree


def _module_file(name: str) -> Path | None:
    """File of a dotted ``cisflow`` module name, or None when it names an attribute rather than a module."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _digest_and_imports(path: Path) -> tuple[str, frozenset[Path]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported: set[Path] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] == "cisflow" and (file := _module_file(name)):
                imported.add(file)
    text = ast.dump(_without_docstrings(tree))
    return hashlib.sha256(text.encode()).hexdigest(), frozenset(imported)


@functools.cache
def code_hash(script: str | Path) -> str:
    """Digest of a script and of every cisflow module that it imports, directly or not.

    Comments, layout and docstrings do not count. The modules are found in the syntax tree, so nothing is imported.

    Parameters
    ----------
    script : path
        A rule script or a module of the package.

    Returns
    -------
    str
        12 hexadecimal digits.
    """
    waiting, seen = [Path(script).resolve()], {}
    while waiting:
        path = waiting.pop()
        if path not in seen:
            digest, imported = _digest_and_imports(path)
            seen[path] = digest
            waiting.extend(imported)
    lines = sorted(f"{path.relative_to(PACKAGE.parent)} {digest}" for path, digest in seen.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


@functools.cache
def library_hash() -> str:
    """Digest of every module of the package; comments, layout and docstrings do not count.

    Returns
    -------
    str
        12 hexadecimal digits.
    """
    lines = [f"{path.relative_to(PACKAGE).as_posix()} {_digest_and_imports(path)[0]}" for path in PACKAGE.rglob("*.py")]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]


def versions(*packages: str) -> dict[str, str]:
    """Versions of cisflow, Python and the named packages (without local version labels)."""
    found = {"cisflow": __version__, "python": platform.python_version()}
    for name in packages:
        found[name] = metadata.version(name).split("+")[0]
    return found


def manifest(inputs: dict[str, str | Path], settings: dict[str, Any], packages: tuple[str, ...]) -> dict[str, Any]:
    """Manifest of a result: versions, SHA-256 of every input file, settings.

    Contains no time stamps or machine names: the same run gives the same manifest.
    """
    return {
        "versions": versions(*packages),
        "inputs": {name: sha256(path) for name, path in sorted(inputs.items())},
        "settings": settings,
    }
