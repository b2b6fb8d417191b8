"""Bad reads end their job with one clear message in its log, and leave nothing under a final name."""

from __future__ import annotations

import gzip

import pytest

from running import snakemake

pytestmark = pytest.mark.dag
PROMOTER = "TGCATTTTTTTCACATC" + "ACGTTGCA" * 10 + "GGTTACGGCTGTT"


def records(sequences):
    return "".join(f"@r{i}\n{s}\n+\n{'I' * len(s)}\n" for i, s in enumerate(sequences)).encode()


MESSAGES = {
    "uneven": ("30", "28"),
    "truncated": ("truncated_2.fastq.gz",),
    "empty": ("empty_1.fastq.gz", "no reads"),
    "letters": ("letters_1.fastq.gz", "'J'"),
}


def write_study(folder, settings, **pairs):
    """A library with one bin per pair of files (compressed text of read 1 and of read 2); settings of the reads."""
    for name, pair in pairs.items():
        for mate, content in enumerate(pair, 1):
            (folder / f"{name}_{mate}.fastq.gz").write_bytes(content)
    bins = [f"lib\t{name}\tsorted\t{i}\n" for i, name in enumerate(pairs)]
    (folder / "bins.tsv").write_text("library\tbin\trole\tposition\n" + "".join(bins))
    reads = [f"lib\t{name}\t{name}_1.fastq.gz\t{name}_2.fastq.gz\n" for name in pairs]
    (folder / "reads.tsv").write_text("library\tbin\tread1\tread2\n" + "".join(reads))
    (folder / "libraries.tsv").write_text("library\tkind\tsource\tmethods\nlib\trandom\tfastq\tbin-mean\n")
    (folder / "study.yaml").write_text(
        "run: bad\nsheets: {libraries: libraries.tsv, bins: bins.tsv, reads: reads.tsv, datasets: null, "
        f"contact_maps: null, models: null, "
        f"designs: null, variants: null, screens: null, queries: null}}\nreads: {{{settings}}}\n"
    )


def run_study(folder):
    return snakemake(folder, "--cores", "2", "--keep-going", "--configfile", str(folder / "study.yaml"))


def mates(n=30):
    first = [PROMOTER[:76]] * n
    return first, [PROMOTER[34:][::-1].translate(str.maketrans("ACGT", "TGCA"))] * n


def write_broken(folder, settings):
    """A library whose four bins are each broken in another way."""
    first, second = mates()
    files = {
        "uneven": (records(first), records(second[:-2])),
        "truncated": (records(first), records(second)),
        "empty": (b"", b""),
        "letters": (records([*first[:-1], "ACGJ" * 19]), records(second)),
    }
    packed = {name: [gzip.compress(content, mtime=0) for content in pair] for name, pair in files.items()}
    packed["truncated"][1] = packed["truncated"][1][:-20]
    write_study(folder, settings, **packed)


def left_over(folder):
    """Files beside the settings, and the record of them."""
    known = ("settings.yaml", "settings.yaml.json")
    return [p for p in (folder / "results").rglob("*") if p.is_file() and p.name not in known]


@pytest.fixture(scope="module")
def unchecked_run(tmp_path_factory):
    """Broken files without the read check."""
    folder = tmp_path_factory.mktemp("unchecked")
    write_broken(folder, "check_reads: 0")
    code, _ = run_study(folder)
    return folder, code


@pytest.mark.parametrize("name", MESSAGES)
def test_one_clear_message_per_bin(unchecked_run, name):
    folder, code = unchecked_run
    assert code != 0
    log = next((folder / "logs" / "bad" / "reads").glob(f"*{name}*.log")).read_text()
    assert log.count("Input error") == 1
    assert "Traceback" not in log
    for part in MESSAGES[name]:
        assert part in log


def test_nothing_is_left_under_a_final_name(unchecked_run):
    assert left_over(unchecked_run[0]) == []


def test_the_read_check_tells_all_broken_files_at_once(tmp_path):
    write_broken(tmp_path, "check_reads: 1000")
    code, _ = run_study(tmp_path)
    assert code != 0
    logs = list((tmp_path / "logs" / "bad" / "reads").glob("*.log"))
    assert [log.name for log in logs] == ["lib.check_reads.log"]
    log = logs[0].read_text()
    assert log.count("Input error") == 1
    assert "Traceback" not in log
    for parts in MESSAGES.values():
        for part in parts:
            assert part in log
    assert left_over(tmp_path) == []


def test_settings_that_will_not_work_stop_the_run(tmp_path):
    first, second = (gzip.compress(records(reads), mtime=0) for reads in mates(200))
    write_study(tmp_path, "overlap_tolerance: 2", good=(first, second), swapped=(second, first))
    code, _ = run_study(tmp_path)
    assert code != 0
    log = (tmp_path / "logs" / "bad" / "reads" / "lib.check_reads.log").read_text()
    assert "lib good lane 1" in log
    assert "ok, 100.0 % of the reads are kept" in log
    assert "bin 'swapped' will not work: mates look swapped" in log
    assert left_over(tmp_path) == []
