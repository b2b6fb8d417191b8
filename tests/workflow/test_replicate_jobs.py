"""Two replicates that come as counts: compared, combined, with a ceiling, a dataset of the sample and quality pages."""

import json

import numpy as np
import pandas as pd
import pytest

from cisflow.files import read_table
from running import snakemake

pytestmark = pytest.mark.dag
N, BINS = 400, 6


def counts(rng, sequences, mean):
    """Counts of cells sorted into bins of equal shares of the population."""
    edges = np.array([-0.97, -0.43, 0.0, 0.43, 0.97])
    table = pd.DataFrame({"seq": sequences})
    cells = rng.normal(mean[:, None], 1.0, (len(sequences), 120))
    which = np.searchsorted(edges, cells)
    for b in range(BINS):
        table[f"c{b}"] = (which == b).sum(axis=1)
    return table


def test_replicates_from_counts_to_a_ranked_model(tmp_path):
    rng = np.random.default_rng(4)
    letters = rng.choice(list("ACGT"), (N, 30))
    sequences = ["".join(row) for row in letters]
    mean = (letters == "G").mean(axis=1) * 8 - 2  # a k-mer model can learn it
    quantiles = np.linspace(0, 1, BINS + 1).round(6)
    rows = []
    for library in ("one", "two"):
        counts(rng, sequences, mean).to_csv(tmp_path / f"{library}.tsv", sep="\t", index=False)
        rows += [(library, f"b{b}", "sorted", b, quantiles[b], quantiles[b + 1], f"c{b}") for b in range(BINS)]
    columns = ["library", "bin", "role", "position", "lower_quantile", "upper_quantile", "column"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "bins.tsv", sep="\t", index=False)
    (tmp_path / "libraries.tsv").write_text(
        "library\tkind\tsource\tcounts\tsequence_column\tmethods\tsample\n"
        + "".join(f"{name}\trandom\tcounts\t{name}.tsv\tseq\tbin-mean,maude\tboth\n" for name in ("one", "two"))
    )
    (tmp_path / "datasets.tsv").write_text("dataset\ttrain_library\ttrain_method\ndata\tboth\tbin-mean\n")
    (tmp_path / "models.tsv").write_text(
        "model\tdataset\trecipe\tseeds\nkmer_ridge\tdata\tconfig/recipes/kmer_ridge.yaml\t1\n"
    )
    (tmp_path / "study.yaml").write_text(
        "run: twice\nsheets: {libraries: libraries.tsv, bins: bins.tsv, reads: null, datasets: datasets.tsv, "
        "contact_maps: null, models: models.tsv, designs: null, variants: null, screens: null, queries: null}\n"
        "split: {validation: 0.1, test: 0.2}\nranking: {draws: 50}\n"
    )
    code, said = snakemake(tmp_path, "--cores", "2", "--configfile", str(tmp_path / "study.yaml"))
    assert code == 0, said
    results = tmp_path / "results" / "twice"

    single = [read_table(results / "expression" / f"{name}.bin-mean.parquet") for name in ("one", "two")]
    combined = read_table(results / "expression" / "both.bin-mean.parquet")
    assert set(combined["sequence"]) == set(sequences)
    truth = pd.Series(mean, index=sequences)
    agreement = [t["expression"].corr(truth.loc[t["sequence"]].reset_index(drop=True)) for t in (*single, combined)]
    assert agreement[2] > max(agreement[:2])
    assert combined["standard_error"].median() < min(t["standard_error"].median() for t in single)

    for method in ("bin-mean", "maude"):
        concordance = read_table(results / "expression" / f"both.{method}.concordance.tsv")
        assert len(concordance) == 1
        figure = json.loads((results / "figures" / "expression" / f"both.{method}.concordance.json").read_text())
        assert figure["caption"]
    ceiling = read_table(results / "expression" / "both.bin-mean.ceiling.tsv").iloc[0]
    assert ceiling["source"] == "replicates"
    assert ceiling["pearson_low"] < np.corrcoef(combined["expression"], truth.loc[combined["sequence"]])[0, 1] + 0.01
    assert agreement[0] < ceiling["pearson"] <= 1

    ranking = read_table(results / "evaluation" / "data" / "ranking.tsv")
    assert ranking["model"].tolist() == ["kmer_ridge"]
    test = read_table(results / "datasets" / "data.ceiling.tsv").set_index("subset").loc["all"]
    scores = read_table(results / "evaluation" / "data" / "scores.tsv")
    score = scores[(scores["subset"] == "all") & (scores["metric"] == "pearson")]["value"].iloc[0]
    assert 0.1 < score < test["pearson_high"]
    for name in ("one", "two"):
        page = (results / "quality" / f"{name}.html").read_text()
        assert "There is no replicate" not in page
        assert "there is no funnel of its reads" in page
