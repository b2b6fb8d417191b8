"""config/README.md from the schemas: every key and column, so that the document cannot drift from what is checked.

Inputs: ``workflow/schemas/*.schema.yaml`` and ``config/config.yaml``. Outputs: ``config/README.md``
(``python -m cisflow.settings.document``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from cisflow.files import write_text
from cisflow.settings.schema import read_schema
from cisflow.settings.study import SHEETS

#: Tables that a sheet names.
TABLES = ("chromosome_folds",)

INTRODUCTION = """\
# Configuration

<!-- Made from workflow/schemas by `make docs`; edit the schemas, not this file. -->

The snakemake workflow reads `config/config.yaml`, which runs the demo. A study of your own is an overlay with only the
keys that differ, and its own sheets:

```
snakemake --cores 8 --configfile config/studies/my_study.yaml --config data_dir=/path/to/data
```

`config/studies/` holds overlays for real data to start from. Give every overlay its own `run`: results go to
`results/<run>/`, so runs stand side by side. All problems of config and sheets are told together before any job starts.

| you have | start from | sheets needed |
| --- | --- | --- |
| FASTQ of sorted bins, paired or single-end, random library | `config.yaml`, source `fastq` | libraries, bins, reads |
| the same, designed library (ordered sequences known) | `studies/facs_seq_tnac.yaml` | libraries, bins, reads |
| counts per bin | `studies/kinney2010.yaml` | libraries, bins |
| a table of sequences and expression | `studies/dream2022_sample.yaml` | datasets, models |
| predictions made elsewhere | `studies/dream2022_public.yaml` | datasets |
| public files to fetch | `studies/dream2022.yaml` | downloads, datasets, models |
| elements in folds, or to divide into folds | `studies/lentimpra_sample.yaml` | datasets, models |
| a contact map (.cool, .mcool, .hic, .pairs) and its genome | `studies/yeast_contacts.yaml` | contact_maps, models |
| trained models, and variants to predict | `studies/questions_demo.yaml` | variants beside those of the models |
| trained models, and a test library to design | `studies/questions_demo.yaml` | designs beside those of the models |
| trained contact models, and a virtual screen | `studies/questions_demo.yaml` | screens beside those of the models |
| trained models, and sequences or regions to predict | `config.yaml` | queries beside those of the models |
| cut sites (bigWig), peaks, and the genome | `studies/profiles_demo.yaml`, source `files` | profiles, models |

Relative paths in the sheets start in `data_dir`, then in the working folder, then in the checkout.
"""


def _type_of(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " \\| ".join(str(v) for v in schema["enum"])
    kind = schema.get("type", "")
    text = kind if isinstance(kind, str) else " or ".join(kind)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None or high is not None:
        left = "(" if "exclusiveMinimum" in schema or low is None else "["
        right = ")" if "exclusiveMaximum" in schema or high is None else "]"
        text += f" {left}{'' if low is None else low}, {'' if high is None else high}{right}"
    return text


def _config_rows(schema: dict[str, Any], values: dict[str, Any], prefix: str = "") -> list[str]:
    rows = []
    for name, part in schema["properties"].items():
        value = values.get(name)
        if "properties" in part:
            rows += _config_rows(part, value or {}, f"{prefix}{name}.")
        else:
            rows.append(f"| `{prefix}{name}` | {_type_of(part)} | `{value}` | {part['description']} |")
    return rows


def config_readme(schemas: str | Path, config: dict[str, Any]) -> str:
    """Return the text of config/README.md.

    Parameters
    ----------
    schemas : path
        Folder of the schemas.
    config : dict
        The default config, for the column of defaults.
    """
    schemas = Path(schemas)
    lines = [INTRODUCTION, "## Keys of config.yaml", "", "| key | type | demo | meaning |", "| --- | --- | --- | --- |"]
    lines += _config_rows(read_schema(schemas / "config.schema.yaml"), config)
    for sheet in (*SHEETS, *TABLES):
        schema = read_schema(schemas / f"{sheet}.schema.yaml")
        lines += ["", f"## {'Table' if sheet in TABLES else 'Sheet'} `{sheet}`", "", schema["description"], ""]
        lines += ["| column | required | type | meaning |", "| --- | --- | --- | --- |"]
        for name, part in schema["properties"].items():
            required = "yes" if name in schema["required"] else ""
            lines.append(f"| `{name}` | {required} | {_type_of(part)} | {part['description']} |")
    return "\n".join(lines) + "\n"


def main(checkout: Path) -> None:
    """Write config/README.md of a checkout."""
    config = yaml.safe_load((checkout / "config" / "config.yaml").read_text(encoding="utf-8"))
    write_text(config_readme(checkout / "workflow" / "schemas", config), checkout / "config" / "README.md")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
