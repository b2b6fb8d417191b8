"""Two bins that share a FASTQ file are told apart by their barcodes, through the rules."""

import numpy as np
import polars as pl
import pytest

from running import snakemake

pytestmark = pytest.mark.dag


def test_bins_of_one_file_get_their_own_reads(tmp_path):
    rng = np.random.default_rng(9)
    parts = ["".join(row) for row in rng.choice(list("ACGT"), (300, 20))]
    codes = ["ACGTAC", "TGCTAC", "ACGTAA"]  # the third is the first with an error
    reads = [codes[i % 3] + "TTAGGCAT" + part + "TTGACCGA" for i, part in enumerate(parts)]
    text = "".join(f"@r{i}\n{read}\n+\n{'I' * len(read)}\n" for i, read in enumerate(reads))
    (tmp_path / "shared.fq").write_text(text)
    (tmp_path / "reads.tsv").write_text(
        "library\tbin\tread1\tbarcode\nlib\tlow\tshared.fq\tACGTAC\nlib\thigh\tshared.fq\tTGCTAC\n"
    )
    (tmp_path / "bins.tsv").write_text("library\tbin\trole\tposition\nlib\tlow\tsorted\t0\nlib\thigh\tsorted\t1\n")
    (tmp_path / "libraries.tsv").write_text("library\tkind\tsource\tmethods\nlib\trandom\tfastq\tbin-mean\n")
    (tmp_path / "study.yaml").write_text(
        "run: shared\nsheets: {libraries: libraries.tsv, bins: bins.tsv, reads: reads.tsv, datasets: null, "
        "contact_maps: null, models: null, designs: null, variants: null, screens: null, queries: null}\n"
        'reads: {structure: "{barcode:6} TTAGGCAT {variable:20} TTGACCGA", keep_flanks: false}\n'
    )
    folder = tmp_path / "results" / "shared" / "reads"
    targets = [f"results/shared/reads/lib/{name}.parquet" for name in ("low", "high")]
    code, said = snakemake(tmp_path, "--cores", "1", "--configfile", str(tmp_path / "study.yaml"), "--", *targets)
    assert code == 0, said
    counts = {name: pl.read_parquet(folder / "lib" / f"{name}.parquet") for name in ("low", "high")}
    assert sorted(counts["low"]["sequence"]) == sorted(part for i, part in enumerate(parts) if i % 3 != 1)
    assert sorted(counts["high"]["sequence"]) == sorted(parts[1::3])
    check = pl.read_csv(folder / "lib.check.tsv", separator="\t")
    assert check["verdict"].to_list() == ["ok", "ok"]
    assert check["barcode"].to_list() == pytest.approx([2 / 3, 1 / 3])
