"""The command starts quickly: no stage's libraries are loaded before they are needed."""

import subprocess
import sys

import pytest

from cisflow.cli.main import main

HEAVY = ("torch", "snakemake", "numba", "matplotlib", "cooler")


def test_nothing_heavy_is_imported_for_help():
    code = (
        "import sys; from cisflow.cli.main import build_parser; build_parser().format_help();"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_module_and_version():
    shown = subprocess.run([sys.executable, "-m", "cisflow", "--version"], capture_output=True, text=True)
    assert shown.returncode == 0
    assert shown.stdout.startswith("cisflow ")


def test_unknown_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["mergge"])
    assert ended.value.code == 2
    assert "mergge" in capsys.readouterr().err
