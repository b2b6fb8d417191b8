"""`--sdm conda` with a stand-in for conda: nothing is installed, the programs are those of this environment.

What is tested is the wiring alone: every environment file reaches conda unchanged, and the jobs run in what was made
of it. Whether the specs can be solved and the packages work together is not tested here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import CHECKOUT
from running import TINY, command

pytestmark = pytest.mark.dag

#: Answers what Snakemake asks of conda; `env create` makes a folder with a Python that tells where it was called.
STAND_IN = """\
#!/bin/sh
echo "$@" >> "$STAND_IN_CALLS"
case "$1 $2" in
    "info --json") echo '{{"conda_prefix": "{prefix}", "platform": "linux-64"}}' ;;
    "--version ") echo "conda 24.11.1" ;;
    "clean -y") ;;
    "config --get") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    "env create")
        for argument in "$@"; do
            case "$argument" in
                --prefix) wanted=1 ;;
                *) [ -n "$wanted" ] && place=$argument && wanted= ;;
            esac
        done
        mkdir -p "$place/bin" "$place/conda-meta"
        printf '#!/bin/sh\\necho "%s" >> "$STAND_IN_PYTHONS"\\nexec {python} "$@"\\n' "$place" > "$place/bin/python"
        chmod +x "$place/bin/python" ;;
    *) echo "the stand-in does not know: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def conda(tmp_path):
    """Environment in which `conda` is the stand-in."""
    prefix = tmp_path / "conda"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "conda").write_text(STAND_IN.format(prefix=prefix, python=sys.executable))
    (prefix / "bin" / "conda").chmod(0o755)
    (prefix / "bin" / "activate").write_text('export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n')
    return {
        **os.environ,
        "PATH": f"{prefix / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "STAND_IN_CALLS": str(tmp_path / "calls"),
        "STAND_IN_PYTHONS": str(tmp_path / "pythons"),
    }


def run(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        command("--directory", str(folder), "--cores", "1", "--sdm", "conda", "--configfile", str(TINY), *arguments),
        cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_run_in_environments_made_of_their_files(tmp_path, conda):
    folder = tmp_path / "run"
    folder.mkdir()
    run(folder, conda, "--conda-create-envs-only")
    environments = folder / ".snakemake" / "conda"
    made = {path.read_text(): path.with_suffix("") for path in environments.glob("*.yaml")}
    assert set(made) == {path.read_text() for path in (CHECKOUT / "envs").glob("*.yaml")}
    assert not (folder / "results").exists()

    run(folder, conda, "--", "results/tiny/settings.yaml")
    assert (folder / "results" / "tiny" / "settings.yaml").is_file()
    table = made[(CHECKOUT / "envs" / "table.yaml").read_text()]
    used = (tmp_path / "pythons").read_text().splitlines()
    assert {Path(place).name for place in used} == {table.name}
    calls = (tmp_path / "calls").read_text()
    assert calls.count("env create") == 4, "made once, and used again"
