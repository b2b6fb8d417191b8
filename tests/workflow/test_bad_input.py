"""Bad reads end their job with one clear message in its log, and leave nothing under a final name."""

from __future__ import annotations

import gzip

import pytest

from running import snakemake

pytestmark = pytest.mark.dag
PROMOTER = "TGCATTTTTTTCACATC" + "ACGTTGCA" * 10 + "GGTTACGGCTGTT"


def records(sequences):
    return "".join(f"@r{i}\n{s}\n+\n{'I' * len(s)}\n" for i, s in enumerate(sequences)).encode()


@pytest.fixture(scope="module")
def failed_run(tmp_path_factory):
    """A library whose four bins are each broken in another way."""
    folder = tmp_path_factory.mktemp("bad")
    first, second = [PROMOTER[:76]] * 30, [PROMOTER[34:][::-1].translate(str.maketrans("ACGT", "TGCA"))] * 30
    files = {
        "uneven": (records(first), records(second[:-2])),
        "truncated": (records(first), records(second)),
        "empty": (b"", b""),
        "letters": (records([*first[:-1], "ACGJ" * 19]), records(second)),
    }
    for name, pair in files.items():
        for mate, content in enumerate(pair, 1):
            packed = gzip.compress(content, mtime=0)
            cut = -20 if name == "truncated" and mate == 2 else None
            (folder / f"{name}_{mate}.fastq.gz").write_bytes(packed[:cut])
    bins = [f"lib\t{name}\tsorted\t{i}\n" for i, name in enumerate(files)]
    (folder / "bins.tsv").write_text("library\tbin\trole\tposition\n" + "".join(bins))
    reads = [f"lib\t{name}\t{name}_1.fastq.gz\t{name}_2.fastq.gz\n" for name in files]
    (folder / "reads.tsv").write_text("library\tbin\tread1\tread2\n" + "".join(reads))
    (folder / "libraries.tsv").write_text("library\tkind\tsource\tmethods\nlib\trandom\tfastq\tbin-mean\n")
    (folder / "study.yaml").write_text(
        "run: bad\nsheets: {libraries: libraries.tsv, bins: bins.tsv, reads: reads.tsv, datasets: null, "
        "contact_maps: null, models: null}\n"
    )
    code, text = snakemake(folder, "--cores", "2", "--keep-going", "--configfile", str(folder / "study.yaml"))
    return folder, code, text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("uneven", ("30", "28")),
        ("truncated", ("truncated_2.fastq.gz",)),
        ("empty", ("empty_1.fastq.gz", "no reads")),
        ("letters", ("letters_1.fastq.gz", "'J'")),
    ],
)
def test_one_clear_message(failed_run, name, message):
    folder, code, _ = failed_run
    assert code != 0
    log = next((folder / "logs" / "bad" / "reads").glob(f"*{name}*.log")).read_text()
    assert log.count("Input error") == 1
    assert "Traceback" not in log
    for part in message:
        assert part in log


def test_nothing_is_left_under_a_final_name(failed_run):
    folder, _, _ = failed_run
    left = [p for p in (folder / "results").rglob("*") if p.is_file() and p.name != "settings.yaml"]
    assert left == []
