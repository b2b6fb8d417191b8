"""The commands on the bundles of a finished run: each says what the run's own job said."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml

from cisflow.cli.main import main
from cisflow.files import read_table
from cisflow.models.predict import load_bundle
from conftest import CHECKOUT
from running import environment

pytestmark = pytest.mark.dag
SEED = yaml.safe_load((CHECKOUT / "tests" / "workflow" / "tiny.yaml").read_text())["seed"]


@pytest.fixture
def run(tiny_run, tmp_path, monkeypatch):
    """Results of the smallest run; the test's own folder is where it works."""
    monkeypatch.chdir(tmp_path)
    return tiny_run / "results" / "tiny"


def bundle(run: Path, dataset: str, model: str, seed: int = 1) -> str:
    return str(run / "models" / dataset / model / f"seed{seed}")


def cnn(run: Path) -> list[str]:
    """Both seeds of the network."""
    return [bundle(run, "promoters", "dream_cnn", seed) for seed in (1, 2)]


def cisflow(*arguments: object) -> None:
    assert main([str(one) for one in arguments]) in (None, 0)


def expected_of_map(run: Path) -> Path:
    (found,) = (run / "contacts" / "synthetic").glob("expected*.npz")
    return found


def test_models(run, capsys):
    cisflow("models", "list", run, "--output", "models.tsv")
    listed, packed = read_table("models.tsv"), read_table(run / "packed" / "models.tsv")
    assert len(listed) == len(packed) >= 5
    shared = ["task", "model", "data", "replicate", "parameters", "same_code"]
    assert (
        listed.sort_values(["data", "model"])[shared].values.tolist()
        == packed.sort_values(["data", "model"])[shared].values.tolist()
    )
    cisflow("models", "show", bundle(run, "promoters", "kmer_ridge"))
    card = (run / "packed" / "promoters.kmer_ridge.seed1.md").read_text()
    shown = capsys.readouterr().out
    assert "## Scores on test data\n\n| head |" in card or "| subset |" in card
    assert shown.split("## Use")[0] == card.split("## Use")[0]
    cisflow("models", "export", bundle(run, "promoters", "kmer_ridge"), "promoters.kmer_ridge.seed1.tar.gz")
    packed = run / "packed" / "promoters.kmer_ridge.seed1.tar.gz"
    assert Path(packed.name).read_bytes() == packed.read_bytes()


def test_a_packed_model_predicts_as_it_did(run, tmp_path):
    with tarfile.open(run / "packed" / "promoters.dream_cnn.seed1.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    model = load_bundle(tmp_path / "promoters.dream_cnn.seed1")
    table = pl.read_parquet(run / "queries" / "new_promoters" / "predictions.parquet")
    bases = dict(_fasta(run / "simulated" / "new_promoters.query.fa"))
    found = model.predict([bases[name] for name in table["id"]])
    np.testing.assert_allclose(found, table["dream_cnn.1"], rtol=1e-5, atol=1e-6)


def _fasta(path):
    lines = path.read_text().split()
    return list(zip([line[1:] for line in lines[::2]], lines[1::2], strict=True))


def test_predict_expression(run):
    models = [bundle(run, "promoters", "kmer_ridge"), *cnn(run)]
    sequences = run / "simulated" / "new_promoters.query.fa"
    cisflow("predict", *models, "--sequences", sequences, "--output", "found.parquet", "--device", "cpu")
    found, made = pl.read_parquet("found.parquet"), pl.read_parquet(run / "queries/new_promoters/predictions.parquet")
    assert found.height == 500
    assert found.equals(made)
    assert found["kmer_ridge"].is_not_null().all()
    assert found["kmer_ridge"].std() > 0


def test_predict_contacts(run, tmp_path):
    regions = [("chr3", 100_000, 110_000), ("chr3", 300_000, 310_000)]
    Path("regions.bed").write_text("".join(f"{name}\t{start}\t{end}\n" for name, start, end in regions))
    shown = ["--genome", run / "genome" / "synthetic.2bit", "--intervals", "regions.bed", "--expected"]
    for suffix in ("npz", "mcool"):
        output = f"found.{suffix}"
        cisflow("predict", bundle(run, "synthetic", "orca"), *shown, expected_of_map(run), "--output", output)
    found, made = np.load("found.npz"), np.load(run / "queries" / "new_regions" / "orca.npz")
    assert set(found) == set(made)
    for name in found:
        np.testing.assert_array_equal(found[name], made[name], err_msg=name)
    files = ["found.mcool", str(run / "queries" / "new_regions" / "orca.mcool")]
    pixels = [cooler.Cooler(f"{path}::{cooler.fileops.list_coolers(path)[0]}").pixels()[:] for path in files]
    pd.testing.assert_frame_equal(*pixels)
    assert len(pixels[0]) > 100


def test_variants_of_both_arms(run):
    vcf, constructs = run / "simulated" / "substitutions.vcf", run / "simulated" / "designed.ordered.tsv"
    cisflow(
        "variants", bundle(run, "promoters", "kmer_ridge"), "--vcf", vcf, "--constructs", constructs,
        "--output", "expression.parquet", "--device", "cpu",
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        read_table("expression.parquet"), read_table(run / "variants" / "substitutions" / "effects.parquet")
    )
    cisflow(
        "variants", bundle(run, "synthetic", "orca"), "--vcf", run / "simulated" / "structural.vcf",
        "--genome", run / "genome" / "synthetic.2bit", "--expected", expected_of_map(run),
        "--output", "contacts.parquet", "--device", "cpu",
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        read_table("contacts.parquet"), read_table(run / "variants" / "structural" / "effects.parquet")
    )


def test_screens_of_both_kinds(run):
    given = ["--genome", run / "genome" / "synthetic.2bit", "--expected", expected_of_map(run), "--device", "cpu"]
    orca = bundle(run, "synthetic", "orca")
    cisflow(
        "screen", orca, "--kind", "disruption", *given, "--region", "chr3:300000-300600",
        "--region", "chr2:200000-200100", "--width", 20, "--method", "shuffle", "--forward", "--seed", SEED,
        "--output", "sites.parquet",
    )  # fmt: skip
    pd.testing.assert_frame_equal(read_table("sites.parquet"), read_table(run / "screens" / "sites" / "orca.parquet"))
    Path("places.bed").write_text("chr3\t250000\t250001\n")
    cisflow(
        "screen", orca, "--kind", "insertion", *given, "--places", "places.bed",
        "--sequences", run / "simulated" / "segments.inserted.fa", "--output", "segments.parquet",
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        read_table("segments.parquet"), read_table(run / "screens" / "segments" / "orca.parquet")
    )


def test_mutagenesis_with_motifs(run):
    table = pl.read_parquet(run / "evaluation" / "promoters" / "ism.parquet")
    name = table["id"][0]
    ordered = pl.read_csv(run / "simulated" / "designed.ordered.tsv", separator="\t", has_header=False)
    bases = dict(ordered.iter_rows())[name]
    Path("one.fa").write_text(f">{name}\n{bases}\n")
    cisflow(
        "ism", *cnn(run), "--sequences", "one.fa", "--output", "effects.parquet",
        "--motifs", CHECKOUT / "config" / "demo" / "motifs.meme", "--motif-matches", "matches.tsv", "--device", "cpu",
    )  # fmt: skip
    found = pl.read_parquet("effects.parquet")
    assert found.height == 3 * len(bases)
    keys = ["model", "id", "position", "substitution"]
    both = found.join(table, on=keys, suffix="_of_run")
    assert both.height > 0
    np.testing.assert_allclose(both["effect"], both["effect_of_run"], rtol=1e-5, atol=1e-6)
    assert {"motif", "start", "end"} <= set(read_table("matches.tsv").columns)


def test_design(run):
    models = [*cnn(run), bundle(run, "promoters", "kmer_ridge")]
    settings = CHECKOUT / "tests" / "workflow" / "tiny" / "design.yaml"
    cisflow("design", *models, "--settings", settings, "--seed", SEED, "--output", "design", "--device", "cpu")
    assert Path("design/order.tsv").read_text() == (run / "designs" / "contrast" / "order.tsv").read_text()


def test_serve(run):
    kept = json.loads((run / "queries" / "new_promoters" / "kmer_ridge.exchange.json").read_text())
    assert len(kept["request"]["sequences"]) == 100
    serving = subprocess.Popen(
        [
            sys.executable, "-m", "cisflow", "serve", bundle(run, "promoters", "kmer_ridge"), "--port", "0",
            "--species", "saccharomyces_cerevisiae", "--cell-type", "simulated", "--device", "cpu",
        ],
        env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = next(line for line in serving.stderr if "answers on http://" in line)
        address = line.split("http://")[1].split(";")[0].strip()
        for method, path, body, name in (
            ("GET", "/formats", None, "formats"),
            ("GET", "/help", None, "help"),
            ("POST", "/predict", json.dumps(kept["request"]), "answer"),
        ):
            connection = http.client.HTTPConnection(address, timeout=60)
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            assert answer.status == 200
            assert json.loads(answer.read()) == kept[name], path
            connection.close()
    finally:
        serving.terminate()
        serving.wait(20)
