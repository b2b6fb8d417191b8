"""What all pages share: styles, tables and figures as Jinja macros, and figures and tables as values for them.

Inputs: figures (SVG with PNG and JSON beside them), tables. Outputs: HTML text that needs no other file.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from cisflow.report.page import PARTS
from cisflow.report.tables import format_cell

#: An SVG above this size is embedded as its PNG instead, so that the page stays light.
LARGEST_SVG = 400_000


def render(page: str, **values: Any) -> str:
    """Render a page that begins with ``{% import "parts" as parts %}``; text is escaped."""
    loader = jinja2.DictLoader({"parts": PARTS, "page": page})
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page").render(**values)


def _image(svg: Path) -> str:
    file, kind = (svg, "svg+xml") if svg.stat().st_size <= LARGEST_SVG else (svg.with_suffix(".png"), "png")
    return f"data:image/{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def figure_values(svg: str | Path, root: Path) -> dict[str, str]:
    """What the macro ``figure`` draws: title, caption, image, and the name of the files relative to ``root``."""
    path = Path(svg)
    text = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    stem = path.relative_to(root).with_suffix("") if path.is_relative_to(root) else path.with_suffix("")
    return {"title": text["title"], "caption": text["caption"], "image": _image(path), "stem": stem.as_posix()}


def table_values(table: pd.DataFrame) -> dict[str, Any]:
    """What the macro ``table`` draws."""
    numeric = [pd.api.types.is_numeric_dtype(table[c]) for c in table.columns]
    rows = [[format_cell(v) for v in row] for row in table.itertuples(index=False)]
    return {"columns": list(table.columns), "numeric": numeric, "rows": rows}
