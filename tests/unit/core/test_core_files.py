"""Files are whole or absent; equal tables give equal bytes; seeds, hashes and messages behave as stated."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cisflow import code_digest
from cisflow.files import atomic_path, opened_arrays, read_table, write_arrays, write_table
from cisflow.problems import InputError, Problem, did_you_mean, not_one_of
from cisflow.progress import Progress, format_seconds
from cisflow.randomness import generator, seed_for


def test_failed_write_leaves_nothing_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "table.tsv"
    target.write_text("old")

    def fail_in_the_middle():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.tsv"]


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.csv", "t.parquet"])
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_tables_round_trip_with_equal_bytes(tmp_path, name, kind):
    frame = pd.DataFrame({"element": ["a", "b"], "expression": [0.1, 1 / 3], "reads": [1, 2]})
    table = frame if kind == "pandas" else pl.from_pandas(frame)
    first, second = tmp_path / "1" / name, tmp_path / "2" / name
    write_table(table, first)
    write_table(table, second)
    pd.testing.assert_frame_equal(read_table(first), frame)
    assert first.read_bytes() == second.read_bytes()


def test_input_error_tells_every_problem():
    error = InputError([Problem("a.tsv", "bad", row=3, column="bin"), Problem("b.tsv", "worse")])
    assert str(error).startswith("2 problems")
    assert 'a.tsv row 3, column "bin": bad' in str(error)
    assert "b.tsv: worse" in str(error)


def test_files_of_arrays_that_are_something_else_are_told(tmp_path):
    path = tmp_path / "curves.npz"
    write_arrays({"x": np.arange(3)}, path)
    with opened_arrays(path, "curves") as arrays:
        assert arrays["x"].tolist() == [0, 1, 2]
    with (
        pytest.raises(InputError, match=r"cannot be read as curves: .*y is not a file"),
        opened_arrays(path, "curves") as arrays,
    ):
        arrays["y"]
    for other, content in (("absent.npz", None), ("text.npz", b"no arrays")):
        if content:
            (tmp_path / other).write_bytes(content)
        with (
            pytest.raises(InputError, match=f"{other}.*cannot be read as curves"),
            opened_arrays(tmp_path / other, "curves"),
        ):
            pass


def test_nearest_name_is_suggested():
    assert did_you_mean("librery", ["library", "bin"]) == " (did you mean 'library'?)"
    assert did_you_mean("zzz", ["library", "bin"]) == ""
    assert "did you mean 'cuda'" in not_one_of("cudda", ["cpu", "cuda"])


def test_seeds_depend_on_every_name_and_nothing_else():
    assert seed_for(1, "train", "a") == seed_for(1, "train", "a")
    assert len({seed_for(1, "train", "a"), seed_for(2, "train", "a"), seed_for(1, "train", "b"), seed_for(1, "t")}) == 4
    assert generator(1, "x").integers(1 << 30) == generator(1, "x").integers(1 << 30)


def test_progress_reports_rate_and_time_left(caplog):
    progress = Progress("train x", total=10, unit="steps", every=0.0, done=2)
    with caplog.at_level("INFO", logger="cisflow"):
        progress.advance(3, note="r 0.5")
    line = caplog.messages[-1]
    assert "5/10 steps" in line
    assert "r 0.5" in line
    assert line.endswith("left")


@pytest.mark.parametrize(("seconds", "text"), [(41, "41 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")])
def test_durations(seconds, text):
    assert format_seconds(seconds) == text


def test_code_hash_follows_imports_but_not_comments(tmp_path, monkeypatch):
    package = tmp_path / "cisflow"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "used.py").write_text("value = 1\n")
    (package / "unused.py").write_text("value = 1\n")
    script = tmp_path / "script.py"
    script.write_text("from cisflow.used import value\n")
    monkeypatch.setattr(code_digest, "PACKAGE", package)

    def digest():
        code_digest.code_hash.cache_clear()
        code_digest._digest_and_imports.cache_clear()
        return code_digest.code_hash(script)

    before = digest()
    (package / "used.py").write_text('"""A docstring."""\n\nvalue   = 1  # a comment\n')
    assert digest() == before
    (package / "unused.py").write_text("value = 2\n")
    assert digest() == before
    (package / "used.py").write_text("value = 2\n")
    assert digest() != before
    code_digest.code_hash.cache_clear()
    code_digest._digest_and_imports.cache_clear()


def test_digests_are_remembered_by_content(tmp_path, monkeypatch):
    source, path = (
        b"from cisflow.files import sha256\n\n\nvalue = 1  # a comment\n",
        tmp_path / "cache" / "digests.json",
    )
    first = code_digest.Remembered(path)
    found = first.digest(source)
    assert found[1] == ["cisflow.files", "cisflow.files.sha256"]
    first.save()
    monkeypatch.setattr(code_digest, "_parse", lambda source: pytest.fail("parsed again"))
    assert code_digest.Remembered(path).digest(source) == found
    monkeypatch.undo()
    assert code_digest.Remembered(path).digest(source.replace(b"1", b"2"))[0] != found[0]
    for damaged in ("", "[]", '{"form": "0", "sources": {}}'):
        path.write_text(damaged)
        assert code_digest.Remembered(path).digest(source) == found


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    remembered = code_digest.Remembered(blocked / "digests.json")
    assert remembered.digest(b"value = 1\n")[1] == []
    remembered.save()


def test_gpu_asked_for_where_there_is_none():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    from cisflow.devices import choose_device

    with pytest.raises(InputError, match="'cuda' asked for, but torch sees no GPU"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"
