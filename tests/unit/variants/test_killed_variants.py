"""The command itself, killed with SIGKILL in the middle of many variants, continues to the same bytes."""

import os
import subprocess
import sys
import time

import pytest
from variant_toys import write_toys

from cisflow.files import read_table

HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def write_calls(path, count):
    """Deletions and inversions of 90 bases, and one record in a hundred that cannot be predicted."""
    lines = []
    for k in range(count):
        start, kind = 700 + 2 * k, ("DEL", "INV", "CNV" if k % 50 == 26 else "DUP")[k % 3]
        lines.append(f"chrA\t{start}\tv{k}\tN\t<{kind}>\t.\t.\tEND={start + 90}\n")
    path.write_text(HEADER + "".join(lines))


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_killed_command_continues_and_writes_the_same_bytes(tmp_path, count):
    bundle = write_toys(tmp_path, ("one",))["one"]
    write_calls(tmp_path / "calls.vcf", count)

    def command(name):
        files = [
            "--genome",
            tmp_path / "genome.fa",
            "--vcf",
            tmp_path / "calls.vcf",
            "--output",
            tmp_path / f"{name}.tsv",
        ]
        options = ["--device", "cpu", "--save-every", "0.3", "--counts", tmp_path / f"{name}.counts.tsv"]
        return [sys.executable, "-m", "cisflow", "variants", f"one={bundle}", *map(str, [*files, *options])]

    def parts(name):
        """Finished ones: a part that is being written has a name that begins with a dot."""
        return sorted((tmp_path / f"{name}.tsv.parts").rglob("[0-9]*.parquet"))

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command("whole"), check=True, capture_output=True, env=environment)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    with subprocess.Popen(command("killed"), **quiet) as process:
        while len(parts("killed")) < 3:
            assert process.poll() is None, "the run ended before three parts were written"
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -9
    assert not (tmp_path / "killed.tsv").exists()
    kept = {path: path.stat().st_mtime_ns for path in parts("killed")}
    done = max(int(path.stem.split("-")[1]) for path in kept)
    assert 0 < done < count
    seen = {}
    with open(tmp_path / "log", "w") as log, subprocess.Popen(command("killed"), **quiet | {"stderr": log}) as process:
        while process.poll() is None:  # finished parts are not written again
            seen |= {path: path.stat().st_mtime_ns for path in kept if path.exists()}
            time.sleep(0.05)
    assert process.returncode == 0
    assert seen == kept
    assert f"continues after {done:,} finished items" in (tmp_path / "log").read_text()
    for suffix in (".tsv", ".counts.tsv"):
        assert (tmp_path / f"killed{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    table = read_table(tmp_path / "killed.tsv")
    assert table["item"].nunique() == count
    assert set(table["status"]) == {"predicted", "kind of variant that does not say what the chromosome looks like"}
    assert not parts("killed")
