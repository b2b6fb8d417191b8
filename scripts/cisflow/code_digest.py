"""Digests of the library's code.

Purpose: a digest of the code that a rule script uses (a rule parameter, so that a code change reruns the stages that
use it and no more), and of the whole library (for a run's manifest). Inputs: source files. Outputs: digests; those of
single files are remembered in the user's cache folder by the SHA-256 of the source, because every plan asks for all.
"""

from __future__ import annotations

import ast
import atexit
import functools
import hashlib
import json
import os
import sys
from pathlib import Path

from cisflow.files import write_json

PACKAGE = Path(__file__).parent
#: Sources remembered; the oldest go first.
MOST_REMEMBERED = 5_000
#: Syntax trees differ between versions of Python, and what is made of them with the form of this module.
FORM = f"1-{sys.version_info[0]}.{sys.version_info[1]}"


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
    return tree


def _parse(source: bytes) -> tuple[str, list[str]]:
    """Digest of a source without comments, layout and docstrings; dotted names of ``cisflow`` that it imports."""
    tree = ast.parse(source)
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            imported.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    text = ast.dump(_without_docstrings(tree))
    own = sorted(name for name in imported if name.split(".")[0] == "cisflow")
    return hashlib.sha256(text.encode()).hexdigest(), own


class Remembered:
    """Digests by the SHA-256 of the source, kept between processes.

    A file that cannot be read or written costs time and nothing else: what it says is looked up by content.

    Parameters
    ----------
    path : path
        JSON file; made at the first :meth:`save`.
    """

    def __init__(self, path: Path):
        self.path, self.changed = path, False
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            self.known: dict[str, list] = given["sources"] if given["form"] == FORM else {}
        except (OSError, ValueError, KeyError, TypeError):
            self.known = {}

    def digest(self, source: bytes) -> tuple[str, list[str]]:
        """Digest and imported names of a source."""
        key = hashlib.sha256(source).hexdigest()
        if key not in self.known:
            self.known[key], self.changed = list(_parse(source)), True
        digest, imported = self.known[key]
        return digest, imported

    def save(self) -> None:
        """Write what is new, where that is possible."""
        if not self.changed:
            return
        newest = dict(list(self.known.items())[-MOST_REMEMBERED:])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json({"form": FORM, "sources": newest}, self.path)
        except OSError:
            return
        self.changed = False


@functools.cache
def _remembered() -> Remembered:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    remembered = Remembered(Path(folder) / "cisflow" / "code_digests.json")
    atexit.register(remembered.save)
    return remembered


def _module_file(name: str) -> Path | None:
    """File of a dotted ``cisflow`` module name, or None when it names an attribute rather than a module."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _digest_and_imports(path: Path) -> tuple[str, frozenset[Path]]:
    digest, names = _remembered().digest(path.read_bytes())
    return digest, frozenset(file for name in names if (file := _module_file(name)))


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
