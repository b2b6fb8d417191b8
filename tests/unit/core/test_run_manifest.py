"""Manifest of a run and its verification."""

from __future__ import annotations

import json

import pytest

from cisflow.cli.main import main
from cisflow.code_digest import library_hash
from cisflow.problems import InputError
from cisflow.provenance import versions
from cisflow.run_manifest import read_run_manifest, record_run, run_files, verify_run


@pytest.fixture
def finished(tmp_path):
    folder = tmp_path / "results" / "run"
    (folder / "models" / "a").mkdir(parents=True)
    (folder / "report.html").write_text("<html>")
    (folder / "models" / "a" / "weights.safetensors").write_bytes(bytes(3_000_000))
    (folder / ".12.partial.counts.tsv").write_text("half")
    record_run(
        folder, seed=7, command="snakemake --cores 2", packages=versions("numpy"), code=library_hash(), threads=2
    )
    return folder


def test_manifest_names_every_whole_file_once(finished):
    content = read_run_manifest(finished)
    assert list(content["files"]) == ["models/a/weights.safetensors", "report.html"]
    assert content["files"]["report.html"] == "b7d082ee12e91b756ea22e8513b8594eebcf5d39fab813da3cb55794dc888ad7"
    assert content["seed"] == 7
    assert content["command"] == "snakemake --cores 2"
    assert set(content["versions"]) == {"cisflow", "python", "numpy"}


def test_manifest_is_the_same_for_any_number_of_threads(finished):
    before = (finished / "manifest.json").read_bytes()
    record_run(finished, seed=7, command="snakemake --cores 2", packages=versions("numpy"), code=library_hash())
    assert (finished / "manifest.json").read_bytes() == before


def test_an_untouched_run_verifies(finished, capsys):
    assert verify_run(finished, library_hash()).empty
    assert main(["verify", str(finished)]) == 0
    assert "all 2 files match" in capsys.readouterr().err


def test_every_difference_is_told_at_once(finished, tmp_path, capsys):
    (finished / "report.html").write_text("<HTML>")
    (finished / "models" / "a" / "weights.safetensors").unlink()
    (finished / "notes.txt").write_text("mine")
    table = verify_run(finished, library_hash())
    assert dict(zip(table["file"], table["state"], strict=True)) == {
        "models/a/weights.safetensors": "missing",
        "report.html": "changed",
        "notes.txt": "new",
    }
    assert main(["verify", str(finished), "--output", str(tmp_path / "differences.tsv")]) == 1
    told = capsys.readouterr().err
    assert all(name in told for name in ("weights.safetensors", "report.html", "notes.txt"))
    assert (tmp_path / "differences.tsv").read_text().count("\n") == 4


def test_other_versions_are_told_but_change_no_file(finished, capsys):
    path = finished / "manifest.json"
    content = json.loads(path.read_text())
    content["versions"]["numpy"], content["code"] = "0.9", "0" * 12
    path.write_text(json.dumps(content))
    table = verify_run(finished, library_hash())
    assert table["state"].tolist() == ["version", "version"]
    assert table["file"].tolist() == ["numpy", "code of cisflow"]
    assert main(["verify", str(finished)]) == 0
    assert "0.9 made the run" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3, "versions": {}}', '{"files": {"a": 1}, "versions": {}}'])
def test_something_else_than_a_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="not the manifest of a run"):
        read_run_manifest(tmp_path)


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(InputError, match="finished run"):
        verify_run(tmp_path, library_hash())


def test_hidden_files_and_the_manifest_do_not_count(finished):
    assert set(run_files(finished)) == {"report.html", "models/a/weights.safetensors"}
