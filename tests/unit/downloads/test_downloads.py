"""Public files: fetched whole from the first mirror that gives what was published, continued, checked, or refused."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cisflow.downloads.archive import unpack_member
from cisflow.downloads.check import check_file
from cisflow.downloads.fetch import KEPT, fetch, read_note
from cisflow.downloads.source import Source, differences, digests_of
from cisflow.problems import InputError

sys.path.insert(0, str(Path(__file__).parent))
from loopback import Served, loopback

DATA = np.random.default_rng(1).bytes(2_500_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def source(*urls, **known):
    return Source("study/train.txt", urls, **known)


def got(folder):
    return (folder / "study" / "train.txt").read_bytes()


def test_a_file_arrives_whole_with_a_note_of_its_origin(tmp_path):
    with loopback({"/a": Served(DATA)}) as (address, requests):
        wanted = source(f"{address}/a", bytes=len(DATA), sha256=SHA256, md5=MD5)
        path = fetch(wanted, tmp_path, "data/")
        assert got(tmp_path) == DATA
        assert len(requests) == 1
        # Snakemake removes outputs before a job starts again: the transfer is not repeated.
        path.unlink()
        fetch(wanted, tmp_path, "data/")
        assert got(tmp_path) == DATA
        assert len(requests) == 1
    assert read_note(tmp_path, "study/train.txt") == {
        "file": "study/train.txt",
        "url": f"{address}/a",
        "bytes": len(DATA),
        "sha256": SHA256,
        "md5": MD5,
    }
    assert not list(tmp_path.rglob("*.part*"))


def test_a_broken_transfer_continues_where_it_stopped(tmp_path):
    with loopback({"/a": Served(DATA, breaks=[1_200_000, 700_000])}) as (address, requests):
        fetch(source(f"{address}/a", sha256=SHA256), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert [begin for _, begin, _ in requests] == [None, "bytes=1200000-", "bytes=1900000-"]
    assert requests[1][2] == '"v1"'


def test_a_killed_job_continues_where_it_stopped(tmp_path):
    served = Served(DATA, breaks=[400_000] * 4)
    with loopback({"/a": served}) as (address, requests):
        wanted = source(f"{address}/a", bytes=len(DATA))
        with pytest.raises(InputError, match=r"the connection (broke|ended) after 1,600,000"):
            fetch(wanted, tmp_path, "data/", wait=0)
        assert not (tmp_path / "study" / "train.txt").exists()
        fetch(wanted, tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert requests[-1][1] == "bytes=1600000-"


def test_a_file_that_changed_meanwhile_is_fetched_from_its_begin(tmp_path):
    served = Served(b"x" * 1000, breaks=[100] * 4)
    with loopback({"/a": served}) as (address, _):
        with pytest.raises(InputError):
            fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)
        served.data, served.tag, served.breaks = b"y" * 3000, '"v2"', []
        fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)
    assert got(tmp_path) == b"y" * 3000


@pytest.mark.parametrize("change", [{"ranges": False}, {"tag": None}])
def test_servers_without_ranges_or_versions_send_everything_again(tmp_path, change):
    with loopback({"/a": Served(DATA, breaks=[1_000_000], **change)}) as (address, requests):
        fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert len(requests) == 2


def test_the_next_mirror_continues_what_the_first_began_when_a_hash_is_published(tmp_path):
    files = {"/a": Served(DATA, breaks=[300_000] * 4), "/b": Served(DATA, tag='"other"')}
    with loopback(files) as (address, requests):
        fetch(source(f"{address}/a", f"{address}/b", sha256=SHA256), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert requests[-1] == ("/b", "bytes=1200000-", None)


def test_without_a_published_hash_the_next_mirror_begins_anew(tmp_path):
    files = {"/a": Served(DATA, breaks=[300_000] * 4), "/b": Served(DATA)}
    with loopback(files) as (address, requests):
        fetch(source(f"{address}/a", f"{address}/b"), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert requests[-1] == ("/b", None, None)


def test_wrong_bytes_of_one_mirror_do_not_spoil_the_next(tmp_path):
    files = {"/a": Served(DATA[::-1], breaks=[300_000] * 4), "/b": Served(DATA)}
    with loopback(files) as (address, requests):
        fetch(source(f"{address}/a", f"{address}/b", bytes=len(DATA), sha256=SHA256), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert [begin for path, begin, _ in requests if path == "/b"] == ["bytes=1200000-", None]


def test_addresses_that_send_on_are_followed_also_when_a_transfer_continues(tmp_path):
    files = {"/doi": Served(b"", location="/a"), "/a": Served(DATA, breaks=[1_000_000])}
    with loopback(files) as (address, requests):
        fetch(source(f"{address}/doi", sha256=SHA256), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert [(path, begin) for path, begin, _ in requests if path == "/a"] == [("/a", None), ("/a", "bytes=1000000-")]


def test_a_server_that_says_no_more_is_asked_again(tmp_path, monkeypatch):
    monkeypatch.setattr("cisflow.downloads.http.TIMEOUT", 0.3)
    with loopback({"/a": Served(DATA, breaks=[1_000_000], stalls=1.0)}) as (address, requests):
        fetch(source(f"{address}/a", sha256=SHA256), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert len(requests) == 2


def test_a_range_that_begins_elsewhere_is_not_joined(tmp_path):
    with loopback({"/a": Served(DATA, breaks=[1_000_000], begins=7)}) as (address, requests):
        fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert [begin for _, begin, _ in requests] == [None, "bytes=1000000-", None]


def test_a_file_that_does_not_fit_on_the_disk_is_told_before(tmp_path, monkeypatch):
    monkeypatch.setattr("cisflow.downloads.http.shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    told = pytest.raises(InputError, match=r"do not fit .* \(1,000 free\)")
    with loopback({"/a": Served(DATA)}) as (address, _), told:
        fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)


def test_mirrors_are_tried_in_order_until_one_gives_the_published_file(tmp_path):
    other = bytes(reversed(DATA))
    files = {
        "/gone": Served(DATA, status=403),
        "/wrong": Served(other),
        "/short": Served(DATA[:-1]),
        "/page": Served(b"<html>please log in</html>", kind="text/html; charset=utf-8"),
        "/right": Served(DATA),
        "/never": Served(DATA),
    }
    with loopback(files) as (address, requests):
        names = ["gone", "wrong", "short", "page", "right", "never"]
        wanted = source(*(f"{address}/{name}" for name in names), bytes=len(DATA), sha256=SHA256)
        fetch(wanted, tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert [path for path, _, _ in requests] == ["/gone", "/wrong", "/short", "/page", "/right"]
    assert read_note(tmp_path, "study/train.txt")["url"].endswith("/right")


def test_what_every_mirror_said_and_what_to_do_by_hand(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        offline = f"http://127.0.0.1:{closed.getsockname()[1]}/train.txt"
    files = {"/wrong": Served(DATA[::-1]), "/large": Served(DATA + b"x"), "/page": Served(b"x", kind="text/html")}
    with loopback(files) as (address, _):
        urls = [f"{address}/{name}" for name in ("wrong", "large", "page", "missing")]
        with pytest.raises(InputError) as error:
            fetch(source(offline, *urls, bytes=len(DATA), md5=MD5), tmp_path, "/data/study/train.txt", wait=0)
    text = str(error.value)
    assert f"{offline}: cannot be reached" in text
    assert f"MD5 {hashlib.md5(DATA[::-1]).hexdigest()}, expected {MD5}" in text
    assert "the server offers 2,500,001 bytes, expected 2,500,000" in text
    assert "a web page, not the file" in text
    assert "the server answers 404" in text
    assert f"Fetch it by hand (2,500,000 bytes, MD5 {MD5}) and put it at /data/study/train.txt" in text
    assert "downloads.local" in text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ".txt"]


def test_servers_that_are_busy_are_asked_again(tmp_path):
    served = Served(DATA, status=503)
    with loopback({"/a": served}) as (address, requests), pytest.raises(InputError, match="answers 503"):
        fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)
    assert len(requests) == 4


def test_a_length_that_is_not_told(tmp_path):
    with loopback({"/a": Served(DATA, announced=False)}) as (address, _):
        fetch(source(f"{address}/a", sha256=SHA256), tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    ended = pytest.raises(InputError, match="the connection ended after 100 of 2,500,000 bytes")
    with loopback({"/a": Served(DATA[:100], announced=False)}) as (address, _), ended:
        fetch(source(f"{address}/a", bytes=len(DATA)), tmp_path / "b", "data/", wait=0)


def test_without_a_published_hash_the_first_fetched_one_counts(tmp_path):
    served = Served(DATA)
    with loopback({"/a": served}) as (address, _):
        wanted = source(f"{address}/a")
        fetch(wanted, tmp_path, "data/", wait=0)
        found = check_file(tmp_path / "study/train.txt", wanted, tmp_path)
        assert found["verified"] == "not verified against a published hash"
        assert found["sha256"] == SHA256
        assert found["source"] == f"{address}/a"
        for path in (tmp_path / "study/train.txt", tmp_path / KEPT / "study/train.txt"):
            path.unlink()
        served.data, served.tag = DATA[::-1], '"v2"'
        with pytest.raises(InputError, match=f"but {SHA256} was fetched first") as error:
            fetch(wanted, tmp_path, "data/", wait=0)
        note = next((tmp_path / KEPT).rglob("*.fetched.json"))
        assert str(note) in str(error.value)
        note.unlink()
        fetch(wanted, tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA[::-1]


def test_a_kept_file_that_is_no_longer_the_published_one_is_fetched_anew(tmp_path):
    with loopback({"/a": Served(DATA)}) as (address, requests):
        wanted = source(f"{address}/a", sha256=SHA256)
        fetch(wanted, tmp_path, "data/", wait=0)
        kept = tmp_path / KEPT / "study/train.txt"
        kept.write_bytes(b"cut")
        fetch(wanted, tmp_path, "data/", wait=0)
    assert got(tmp_path) == DATA
    assert len(requests) == 2


def test_local_copies_are_checked_too(tmp_path):
    copy = tmp_path / "train.txt"
    copy.write_bytes(DATA)
    found = check_file(copy, source(bytes=len(DATA), sha256=SHA256.upper()), tmp_path / "downloads")
    assert found["source"] == "local copy"
    assert found["verified"] == "size and published hash agree"
    copy.write_bytes(DATA[:-1])
    with pytest.raises(InputError) as error:
        check_file(copy, source(bytes=len(DATA), sha256=SHA256), tmp_path / "downloads")
    assert "2,499,999 bytes, expected 2,500,000; SHA-256" in str(error.value)
    assert differences(source(), digests_of(copy)) == []


def archive(path, members, kind="w:gz"):
    with tarfile.open(path, kind) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:bz2", "w:xz"])
def test_members_of_an_archive_by_the_end_of_their_path(tmp_path, kind):
    packed = archive(tmp_path / "a.tar", {"./top/ids/high.csv": b"1", "./top/ids/low.csv": b"2"}, kind)
    unpack_member(packed, "ids/low.csv", tmp_path / "low.csv")
    assert (tmp_path / "low.csv").read_bytes() == b"2"
    unpack_member(packed, "another_folder/high.csv", tmp_path / "high.csv")
    assert (tmp_path / "high.csv").read_bytes() == b"1"
    with pytest.raises(
        InputError, match=r"no member is called 'ids/none\.csv'; the archive holds: \./top/ids/high\.csv"
    ):
        unpack_member(packed, "ids/none.csv", tmp_path / "none.csv")


def test_members_of_a_zip_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("best/model.txt", b"weights")
    unpack_member(tmp_path / "a.zip", "model.txt", tmp_path / "m.txt")
    assert (tmp_path / "m.txt").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil.txt", "ids/../../evil.txt", "C:\\evil.txt", "..\\evil"])
def test_an_archive_with_a_member_outside_is_not_unpacked(tmp_path, name):
    packed = archive(tmp_path / "a.tar.gz", {"ids/low.csv": b"2", name: b"evil"})
    with pytest.raises(InputError, match="would lie outside of the folder"):
        unpack_member(packed, "ids/low.csv", tmp_path / "low.csv")
    assert not list(tmp_path.parent.rglob("evil*"))


def test_links_damaged_archives_and_names_given_twice_are_refused(tmp_path):
    packed = archive(tmp_path / "link.tar", {"low.csv": "/etc/passwd"}, "w")
    with pytest.raises(InputError, match="is a link or a device"):
        unpack_member(packed, "low.csv", tmp_path / "low.csv")
    packed = archive(tmp_path / "two.tar", {"a/low.csv": b"1", "b/low.csv": b"2"}, "w")
    with pytest.raises(InputError, match=r"2 members are called 'low\.csv'"):
        unpack_member(packed, "low.csv", tmp_path / "low.csv")
    packed = archive(tmp_path / "cut.tar.gz", {"low.csv": DATA})
    packed.write_bytes(packed.read_bytes()[:5000])
    with pytest.raises(InputError, match="a damaged archive"):
        unpack_member(packed, "low.csv", tmp_path / "low.csv")
    (tmp_path / "text.tar.gz").write_text("no archive")
    with pytest.raises(InputError, match="a damaged archive, or none"):
        unpack_member(tmp_path / "text.tar.gz", "low.csv", tmp_path / "low.csv")


def test_notes_are_plain_json(tmp_path):
    with loopback({"/a": Served(b"abc")}) as (address, _):
        fetch(source(f"{address}/a"), tmp_path, "data/", wait=0)
    note = json.loads((tmp_path / KEPT / "study" / "train.txt.fetched.json").read_text())
    assert note["bytes"] == 3
