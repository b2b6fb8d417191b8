"""docs/reruns.md from docs/reruns.yaml: what reruns when a setting, a column or a recipe changes.

python docs/reruns.py          # writes docs/reruns.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
INTRODUCTION = """\
# What reruns when a setting changes

<!-- Made from docs/reruns.yaml by `make docs`; edit that file, not this one. -->

Change a value, give the command of the run again, and Snakemake reruns the rules below, then what builds on their
results; all else stays. The copy of all settings, the report and the manifest are written anew after every change. A
rule reruns for those of its files alone that the setting is about: with another pseudocount the estimates by MAUDE,
not the bin-weighted means.

Each line is tested (`tests/workflow/test_reruns.py`): the value is changed in a study with every kind of input, and
the jobs that would run are compared with the table; real dry runs of some, in `make slow` of all, agree. Settings on
which no result depends (memory, how often a training saves its state, checks) reach the jobs without being recorded.
The order of keys in a config means nothing. A change of the library's code reruns the rules that use it: their
parameter `code` is a digest of the syntax trees of the script and of all modules that it imports.
"""
TITLES = {
    "config": "Keys of the config",
    "sheets": "Columns of the sheets",
    "recipes": "Keys of recipes (examples, by model)",
}


def _cell(entry: dict[str, Any]) -> str:
    rules = entry.get("reruns")
    if rules is None:
        return ""
    if rules == "everything":
        return "everything"
    return ", ".join(f"`{rule}`" for rule in rules) or "nothing"


def _remark(entry: dict[str, Any]) -> str:
    given = entry.get("with")
    text = [f"with `{yaml.safe_dump(given, default_flow_style=True).strip()}`"] if given else []
    return "; ".join(text + ([entry["why"]] if "why" in entry else []))


def reruns_page(table: dict[str, Any]) -> str:
    """Text of docs/reruns.md."""
    lines = [INTRODUCTION]
    for part, title in TITLES.items():
        lines += [f"## {title}", "", "| changed | reruns | remark |", "| --- | --- | --- |"]
        for name, entry in table[part].items():
            for one in entry if isinstance(entry, list) else [entry]:
                lines.append(f"| `{name}` | {_cell(one)} | {_remark(one)} |".replace("  ", " "))
        lines.append("")
    lines += [
        "## Code of the library (a module of each stage)",
        "",
        "| changed | scripts whose rules rerun |",
        "| --- | --- |",
    ]
    for module, scripts in table["code"].items():
        lines.append(f"| `{module}` | {', '.join(f'`{script}`' for script in scripts) or 'none'} |")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    table = yaml.safe_load((HERE / "reruns.yaml").read_text(encoding="utf-8"))
    (HERE / "reruns.md").write_text(reruns_page(table), encoding="utf-8")
