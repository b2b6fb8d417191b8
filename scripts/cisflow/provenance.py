"""What made a result: versions, inputs, settings, for the manifest beside every model.

Digests of code: :mod:`cisflow.code_digest`.
"""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from cisflow import __version__
from cisflow.files import sha256


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
