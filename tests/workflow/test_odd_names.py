"""Files whose names hold blanks, quotes, a line break and everything that means something to a shell or to Snakemake.

Names of files reach jobs as lists and through Snakemake's own job object; none is ever part of a command line.
"""

from __future__ import annotations

import gzip

import cooler
import pandas as pd
import pytest
import yaml
from test_bad_input import mates, records

from running import snakemake

pytestmark = pytest.mark.dag
ODD = "a b'c\"$(touch SHELL);`touch SHELL`|&>#~!*[1]?\\n%s\u00e4"
FOLDER = "data of 'us' $(touch SHELL)\nx"
LENGTHS = {"chr1": 20_000, "chr2": 12_000, "chr3": 12_000}
SHEETS = {
    "libraries": "library\tkind\tsource\tmethods\nlib\trandom\tfastq\tbin-mean\n",
    "bins": "library\tbin\trole\tposition\nlib\tb1\tsorted\t0\nlib\tb2\tsorted\t1\n",
    "reads": "library\tbin\tread1\tread2\n"
    f"lib\tb1\t{ODD}1_R1.fq.gz\t{ODD}1_R2.fq.gz\nlib\tb2\t{ODD}2_R1.fq.gz\t{ODD}2_R2.fq.gz\n",
    "contact_maps": "map\tsource\tcooler\tresolution\tgenome\trename\tvalidation_chromosomes\ttest_chromosomes\n"
    f"odd\tcooler\t{ODD}.cool\t1000\t{ODD}.fa\t{ODD}.tsv\tII\tIII\n",
}


def write_files(data):
    """Reads, a contact map, its genome and the table of their names; all named oddly."""
    data.mkdir()
    for number in (1, 2):
        for mate, reads in enumerate(mates(200), 1):
            (data / f"{ODD}{number}_R{mate}.fq.gz").write_bytes(gzip.compress(records(reads), mtime=0))
    bins = cooler.binnify(pd.Series(LENGTHS), 1000)
    pairs = [(i, j) for i in range(len(bins)) for j in range(i, len(bins))]
    pixels = pd.DataFrame(pairs, columns=["bin1_id", "bin2_id"]).assign(count=3)
    cooler.create_cooler(str(data / "plain.cool"), bins, pixels)
    (data / "plain.cool").rename(data / f"{ODD}.cool")
    genome = dict(zip(("I", "II", "III"), LENGTHS.values(), strict=True))
    (data / f"{ODD}.fa").write_text("".join(f">{name}\n{'ACGT' * (n // 4)}\n" for name, n in genome.items()))
    (data / f"{ODD}.tsv").write_text("cooler_name\tgenome_name\nchr1\tI\nchr2\tII\nchr3\tIII\n")


def test_odd_names_of_files_and_folders_are_just_names(tmp_path):
    write_files(tmp_path / FOLDER)
    sheets = dict.fromkeys(("datasets", "models", "designs", "variants", "screens", "queries"))
    for name, text in SHEETS.items():
        (tmp_path / FOLDER / f"{name} $(touch SHELL).tsv").write_text(text, encoding="utf-8")
        sheets[name] = f"{name} $(touch SHELL).tsv"
    config = {"run": "odd", "data_dir": FOLDER, "sheets": sheets, "reads": {"overlap_tolerance": 2}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    wanted = [
        "results/odd/reads/lib/b1.parquet",
        "results/odd/reads/lib/b2.parquet",
        "results/odd/contacts/odd/map.cool",
    ]
    code, said = snakemake(tmp_path, *wanted, "--cores", "2", "--configfile", str(tmp_path / "study.yaml"))
    assert code == 0, said
    for name in wanted[:2]:
        assert pd.read_parquet(tmp_path / name)["reads"].sum() == 200
    assert cooler.Cooler(str(tmp_path / wanted[2])).chromnames == ["I", "II", "III"]
    assert [path for path in tmp_path.rglob("*") if path.name == "SHELL"] == []
