"""YAML of the project itself (schemas) read by libyaml, where PyYAML was built with it.

Inputs: text. Outputs: what ``yaml.safe_load`` gives, in a tenth of the time: every job of a run reads all schemas.
Files of users go through :mod:`cisflow.user_files`.
"""

from __future__ import annotations

from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader


def parse_yaml(text: str) -> Any:
    """Parse a YAML document; plain values only, no objects of Python.

    Raises
    ------
    yaml.YAMLError
        The text is no YAML.
    """
    return yaml.load(text, Loader=SafeLoader)
