"""Effects of variants on predicted expression: placed exactly, every allele accounted for."""

import gzip
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from cisflow.cli.main import main
from cisflow.models.expression_task import ExpressionTask
from cisflow.problems import InputError
from cisflow.training.bundle import write_bundle
from cisflow.variants import expression
from cisflow.variants.expression import PREDICTED, variant_effects
from cisflow.variants.expression_run import Shown, run_expression_variants
from cisflow.variants.gather import gather_variants
from cisflow.variants.sequences import Place, constructs, intervals

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from expression_toys import ADAPTER, NARROW, RIGHT, toy_table

HEADER = "##fileformat=VCFv4.3\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
WEIGHTS = {"A": 1.0, "C": 10.0, "G": 100.0, "T": 1000.0, "N": 0.0}


class Content:
    """Prediction = a weight per base, the same at every position, times the position."""

    def __init__(self, factor=1.0):
        self.factor, self.seen = factor, []

    def predict(self, sequences):
        self.seen += list(sequences)
        return np.array([self.factor * sum(WEIGHTS[b] * (i + 1) for i, b in enumerate(s)) for s in sequences])


def write_vcf(path, *rows):
    path.write_text(HEADER + "".join("\t".join(map(str, row)) + "\t.\t.\t.\n" for row in rows))
    return path


def table_of(*arguments, **options):
    return pl.concat(variant_effects(*arguments, **options))


@pytest.fixture
def genome(tmp_path):
    bases = "".join(np.random.default_rng(2).choice(list("ACGT"), 200))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases[:110]}\n{bases[110:]}\n>chr2\nACGTNACGT\n")
    (tmp_path / "places.bed").write_text("chr1\t10\t50\tone\t0\t+\nchr1\t40\t90\ttwo\t0\t-\nchr2\t0\t9\n")
    return bases, intervals(tmp_path / "places.bed", tmp_path / "genome.fa")


def complement(text):
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def test_substitution_in_every_sequence_that_it_touches(genome, tmp_path):
    bases, places = genome
    new = {"A": "C", "C": "G", "G": "T", "T": "A"}[bases[44]]
    vcf = write_vcf(tmp_path / "a.vcf", ("chr1", 45, "rs1", bases[44], new), ("chr2", 5, ".", "N", "A"))
    model = Content()
    found = table_of({"content": [model]}, places, vcf, left="AC", right="GG")
    assert found["sequence"].to_list() == ["one", "two", "chr2:0-9"]
    changed = bases[:44] + new + bases[45:]
    shown = [
        ("AC" + bases[10:50] + "GG", "AC" + changed[10:50] + "GG"),
        ("AC" + complement(bases[40:90]) + "GG", "AC" + complement(changed[40:90]) + "GG"),
        ("ACACGTNACGTGG", "ACACGTAACGTGG"),
    ]
    for row, (reference, alternative) in zip(found.iter_rows(named=True), shown, strict=True):
        assert row["reference"] == Content().predict([reference])[0]
        assert row["difference"] == row["alternative"] - row["reference"] != 0
        assert row["alternative"] == Content().predict([alternative])[0]
        assert row["low"] is None


def test_indels_change_the_length(genome, tmp_path):
    bases, places = genome
    vcf = write_vcf(
        tmp_path / "a.vcf", ("chr1", 15, ".", bases[14:18], bases[14]), ("chr1", 15, ".", bases[14], bases[14] + "TT")
    )
    model = Content()
    found = table_of({"m": [model]}, places, vcf)
    assert found["status"].to_list() == [PREDICTED] * 2
    assert bases[10:15] + bases[18:50] in model.seen
    assert bases[10:15] + "TT" + bases[15:50] in model.seen


def test_variant_equal_to_the_reference_has_no_effect_and_every_allele_has_a_row(genome, tmp_path):
    bases, places = genome
    other = next(b for b in "ACGT" if b != bases[14])
    rows = [
        ("chr1", 15, "same", bases[14], bases[14]),
        ("chr1", 15, "many", bases[14], f"{other},N,<DEL>"),
        ("chr1", 15, "mismatch", other, bases[14]),
        ("chr1", 8, "reach", bases[7:12], "A"),
        ("chr1", 150, "outside", bases[149], "A" if bases[149] != "A" else "C"),
        ("chr7", 5, "unknown", "A", "C"),
    ]
    path = write_vcf(tmp_path / "a.vcf", *rows)
    path.write_text(path.read_text() + "chr1\tnowhere\t.\tA\tC\t.\t.\t.\n")
    found = table_of({"m": [Content()], "n": [Content(2)]}, places, path)
    status = dict(found.filter(model="m").select("id", "status").iter_rows())
    assert status == {
        "same": "same as the reference",
        "many": "allele is not written as bases",
        "mismatch": "REF differs from the sequence",
        "reach": "allele reaches beyond the sequence",
        "outside": "outside the sequences",
        "unknown": "outside the sequences",
        "": "bad line: POS is 'nowhere'; expected a whole number",
    }
    assert len(found) == 2 * 9
    assert Counter(found.filter(model="m")["status"].to_list())[PREDICTED] == 1
    assert found["line"].is_sorted()
    assert found.filter(pl.col("status") != PREDICTED)["difference"].null_count() == 16


def test_interval_over_replicates_is_students(genome, tmp_path):
    from scipy import stats

    bases, places = genome
    other = next(b for b in "ACGT" if b != bases[14])
    vcf = write_vcf(tmp_path / "a.vcf", ("chr1", 15, ".", bases[14], other))
    found = table_of({"m": [Content(1), Content(2), Content(4)]}, places, vcf).row(0, named=True)
    single = (WEIGHTS[other] - WEIGHTS[bases[14]]) * 5
    differences = single * np.array([1, 2, 4])
    wanted = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((differences.mean(), *wanted))


def test_blocks_change_nothing(genome, tmp_path, monkeypatch):
    bases, places = genome
    rows = [("chr1", p, f"v{p}", bases[p - 1], "A" if bases[p - 1] != "A" else "C") for p in range(1, 120)]
    vcf = write_vcf(tmp_path / "a.vcf", *rows)
    whole = table_of({"m": [Content()]}, places, vcf)
    monkeypatch.setattr(expression, "BLOCK", 7)
    blocks = list(variant_effects({"m": [Content()]}, places, vcf))
    assert len(blocks) > 10
    assert pl.concat(blocks).equals(whole)


def test_names_of_the_file_are_those_of_the_genome_with_or_without_chr_or_by_a_table(genome, tmp_path):
    bases, _ = genome
    other = next(b for b in "ACGT" if b != bases[14])
    rows = [("1", 15, "without", bases[14], other), ("second", 1, "table", "A", "C"), ("3", 15, "unknown", "A", "C")]
    vcf = write_vcf(tmp_path / "a.vcf", *rows)
    (tmp_path / "names.tsv").write_text("cooler_name\tgenome_name\nsecond\tchr2\n")
    shown = {"intervals": tmp_path / "places.bed", "genome": tmp_path / "genome.fa"}
    given = Shown(**shown, rename=tmp_path / "names.tsv")
    assert given.names(vcf) == {"1": "chr1", "second": "chr2"}
    found = table_of({"m": [Content()]}, given.places(), vcf, names=given.names(vcf))
    assert found["chromosome"].to_list() == ["1", "second", "3"]  # as in the file
    assert found["status"].to_list() == [PREDICTED, PREDICTED, "outside the sequences"]
    assert Shown(constructs="c.fa").names(vcf) == {}


def many_alleles(folder, bundles):
    """Files and arguments of 23 variants of a construct, three alleles each."""
    sequence = toy_table(60)["sequence"][3]
    (folder / "c.fa").write_text(f">p1\n{sequence}\n")
    places = [len(ADAPTER) + 1 + k for k in range(23)]
    rows = [("p1", p, f"v{p}", sequence[p - 1], ",".join(b for b in "ACGT" if b != sequence[p - 1])) for p in places]
    models = {"net": [bundles / "seed1", bundles / "seed2"]}
    return models, write_vcf(folder / "a.vcf", *rows), Shown(constructs=folder / "c.fa")


@pytest.mark.parametrize("shards", [2, 3, 12])
def test_shards_give_the_same_table_to_the_last_bit(bundles, tmp_path, monkeypatch, shards):
    monkeypatch.setattr(expression, "BLOCK", 7)
    given = many_alleles(tmp_path, bundles)
    counts = run_expression_variants(*given, tmp_path / "one.parquet", tmp_path / "state")
    assert counts == {PREDICTED: 69}
    parts = [tmp_path / f"shard{k}.parquet" for k in range(shards)]
    for k, part in enumerate(parts):
        run_expression_variants(*given, part, tmp_path / "state", shard=(k, shards))
    assert sum(len(pl.read_parquet(part)) > 0 for part in parts) == min(shards, 8)  # 69 alleles, 9 a block
    for name, tables in (("one", [tmp_path / "one.parquet"]), ("all", parts)):
        gather_variants(tables, tmp_path / f"{name}.tsv", tmp_path / f"{name}.statuses.tsv")
    for suffix in (".tsv", ".statuses.tsv"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"all{suffix}").read_bytes()


def test_a_stopped_run_continues_with_the_next_block(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr(expression, "BLOCK", 7)
    given = many_alleles(tmp_path, bundles)
    run_expression_variants(*given, tmp_path / "whole.tsv", tmp_path / "state", annotated=tmp_path / "whole.vcf")
    predict, blocks = expression._predict, []

    def stopping(name, replicates, block):
        blocks.append(block[0].line)
        if len(blocks) == 4:
            raise KeyboardInterrupt
        return predict(name, replicates, block)

    monkeypatch.setattr(expression, "_predict", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_expression_variants(*given, tmp_path / "o.tsv", tmp_path / "state")
    assert not (tmp_path / "o.tsv").exists()
    run_expression_variants(*given, tmp_path / "o.tsv", tmp_path / "state", annotated=tmp_path / "o.vcf")
    assert blocks[3] == blocks[4]  # the block that was not finished is the first of the second run
    assert len(blocks) == 8 + 1
    for suffix in (".tsv", ".vcf"):
        assert (tmp_path / f"o{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert not list((tmp_path / "state").iterdir())


def test_intervals_that_are_none_are_told_at_once(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGT\n")
    (tmp_path / "a.bed").write_text("chr1\t0\t9\nchr1\t4\t4\nchr9\t0\t4\nchr1\tx\t4\nchr1\t0\t4\tn\t0\t*\n")
    with pytest.raises(InputError) as caught:
        intervals(tmp_path / "a.bed", tmp_path / "g.fa")
    assert [problem.row for problem in caught.value.problems] == [1, 2, 3, 4, 5]
    twice = [Place("p", "p", 0, 4, "+", "ACGT")] * 2
    with pytest.raises(InputError, match="several sequences"):
        list(variant_effects({}, twice, tmp_path / "a.vcf"))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    for seed in (1, 2):
        task = ExpressionTask(NARROW, toy_table(60), seed)
        torch.manual_seed(seed)
        network = task.build_network()
        write_bundle(folder / f"net/seed{seed}", network.state_dict(), task.recipe, pd.DataFrame({"step": [1]}), {})
    return folder / "net"


def test_command_with_table_annotated_file_and_counts(bundles, tmp_path):
    sequence = toy_table(60)["sequence"][3]
    (tmp_path / "c.fa").write_text(f">p1 first\n{sequence}\n")
    position = len(ADAPTER) + 6
    base = sequence[position - 1]
    others = [b for b in "ACGT" if b != base]
    vcf = write_vcf(tmp_path / "a.vcf", ("p1", position, ".", base, ",".join(others)), ("p1", 500, ".", "A", "C"))
    command = ["variants", str(bundles / "seed1"), str(bundles / "seed2"), "--vcf", str(vcf)]
    command += ["--constructs", str(tmp_path / "c.fa"), "--output", str(tmp_path / "o.tsv")]
    extra = ["--annotated", str(tmp_path / "o.vcf.gz"), "--counts", str(tmp_path / "n.tsv")]
    assert main([*command, *extra]) == 0
    table = pd.read_csv(tmp_path / "o.tsv", sep="\t")
    assert table["status"].tolist() == [PREDICTED] * 3 + ["outside the sequences"]
    assert (table["low"][:3] <= table["difference"][:3]).all()
    assert (table["difference"][:3] <= table["high"][:3]).all()
    assert pd.read_csv(tmp_path / "n.tsv", sep="\t")["alleles"].tolist() == [3, 1]
    lines = gzip.decompress((tmp_path / "o.vcf.gz").read_bytes()).decode().splitlines()
    given = vcf.read_text().splitlines()
    assert [line for line in lines if not line.startswith("##INFO=<ID=CISFLOW")][:3] == given[:3]
    assert lines[-1] == given[-1]
    entries = lines[-2].split("\t")[7].removeprefix("CISFLOW=").split(",")
    assert [entry.split("|")[:3] for entry in entries] == [[other, "p1", "net"] for other in others]
    assert [float(entry.split("|")[5]) for entry in entries] == pytest.approx(table["difference"][:3], rel=1e-5)


def test_command_tells_what_does_not_go_together(bundles, tmp_path, capsys, caplog):
    command = ["variants", str(bundles / "seed1"), "--vcf", "x.vcf", "--output", str(tmp_path / "o.tsv")]
    assert main([*command, "--genome", "g.fa", "--left", "XX", "--annotated", "y.txt"]) == 1
    assert len(list(tmp_path.iterdir())) == 0
    assert main([*command, "--constructs", str(tmp_path / "none.fa")]) == 1


def test_constructs_are_their_own_chromosomes(tmp_path):
    (tmp_path / "c.tsv").write_text(f"a\t{ADAPTER}\nb\t{RIGHT}\n")
    found = constructs(tmp_path / "c.tsv")
    assert [(p.name, p.chromosome, p.start, p.end) for p in found] == [("a", "a", 0, 17), ("b", "b", 0, 13)]
