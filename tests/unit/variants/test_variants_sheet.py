"""The variants sheet, simulated variants, gathered tables and their figures."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cisflow.figures.variants import plot_contact_effects, plot_expression_effects
from cisflow.problems import InputError
from cisflow.simulate.variants import simulate_structural, simulate_substitutions
from cisflow.variants import contact_effects, expression
from cisflow.variants.changes import asked_vcf
from cisflow.variants.gather import gather_variants
from cisflow.variants.look_again import strongest
from cisflow.variants.structural import Change

HEADER = "variants\tdataset\tmodels\tvcf\tconstructs\tshards\trename\n"


@pytest.fixture
def study(demo_with):
    return lambda rows: demo_with("variants", HEADER + rows)


def test_models_decide(study):
    found = study("a\tpromoters\tdream_rnn\tsimulated\tsimulated\t2\t\nb\tsynthetic\t\tsimulated\t\t3\t\n")
    assert found.variant_models("a") == ["dream_rnn"]
    assert found.variant_models("b") == ["orca", "orca_zoom"]


def test_every_problem_is_told(study):
    rows = (
        "a\tpromotors\t\tx.vcf\t\t\t\nb\tpromoters\tdream_cn\tx.vcf\t\t\t\n"
        "c\tsynthetic\t\tsimulated\tsimulated\t\tn.tsv\nd\tpromoters\t\tsimulated\tsimulated\t2\tn.tsv\n"
    )
    with pytest.raises(InputError) as error:
        study(rows)
    text = str(error.value)
    for told in (
        "promotors",
        "dream_cn",
        "file not found: x.vcf",
        "give constructs",
        "'simulated' has no meaning",
        "'n.tsv' has no meaning",
        "constructs are named as they are",
        "file not found: n.tsv",
    ):
        assert told in text


def test_simulated_variants_are_read_again(tmp_path):
    rng = np.random.default_rng(0)
    lengths = {"chr4": 300_000, "chr5": 300_000}
    genome = {name: rng.integers(0, 4, length).astype(np.uint8) for name, length in lengths.items()}
    text = "".join(f">{name}\n{''.join('ACGT'[c] for c in codes)}\n" for name, codes in genome.items())
    (tmp_path / "genome.fa").write_text(text)
    sites = "".join(f"chr5\t{start}\t{start + 219}\n" for start in range(70_000, 230_000, 20_000))
    (tmp_path / "peaks.bed").write_text(sites)
    simulate_structural(tmp_path / "genome.fa", tmp_path / "peaks.bed", "chr5", "chr4", 1, tmp_path / "s.vcf")
    found = list(asked_vcf(tmp_path / "s.vcf", lengths, lambda name, start, end: genome[name][start:end]))
    kinds = [one.change.kind for one in found if isinstance(one.change, Change)]
    assert kinds == ["deletion"] * 4 + ["inversion", "duplication", "insertion", "breakend"]
    assert len(found) == 9
    (tmp_path / "ordered.tsv").write_text("".join(f"e{k}\t{'ACGTTGCA' * 5}\n" for k in range(4)))
    simulate_substitutions(tmp_path / "ordered.tsv", 1, tmp_path / "e.vcf", constructs=2, each=3)
    lines = [line.split("\t") for line in (tmp_path / "e.vcf").read_text().splitlines()[2:]]
    assert len(lines) == 2 * 4 + 1
    bases = "ACGTTGCA" * 5
    assert all(bases[int(pos) - 1] == ref for _, pos, _, ref, *_ in lines[:-1])
    assert bases[int(lines[-1][1]) - 1] != lines[-1][3]


def contact_rows(model, items):
    kinds = ["deletion", "inversion"]
    rows = [
        {
            **dict.fromkeys(contact_effects.COLUMNS),
            **{"item": item, "line": item, "id": f"v{item}", "kind": kinds[item % 2], "model": model, "view": "alt"},
            **{"level": level, "impact": 0.01 * item + level / 1e8, "status": "predicted"},
        }
        for item in items
        for level in (256_000, 512_000)
    ]
    rows.append(
        {**dict.fromkeys(contact_effects.COLUMNS), "item": max(items) + 2, "line": 9, "model": model, "status": "bad"}
    )
    return pl.DataFrame(rows, schema=contact_effects.COLUMNS)


def test_parts_become_one_table_and_a_figure(tmp_path):
    parts = []
    for model in ("a", "b"):
        for shard, items in enumerate(([1, 3], [2, 4])):
            parts.append(tmp_path / f"{model}.{shard}.parquet")
            contact_rows(model, items).write_parquet(parts[-1])
    gather_variants(parts, tmp_path / "all.parquet", tmp_path / "statuses.tsv")
    table, statuses = pd.read_parquet(tmp_path / "all.parquet"), pd.read_csv(tmp_path / "statuses.tsv", sep="\t")
    assert statuses.to_dict("list") == {"status": ["predicted", "bad"], "alleles": [4, 2]}
    assert table["item"].is_monotonic_increasing
    assert table.loc[table["item"] == 2, "model"].tolist() == ["a", "a", "b", "b"]
    assert strongest(table, "a") == 4
    assert strongest(table[table["status"] == "bad"], "a") is None
    plot_contact_effects(table, statuses, "set", tmp_path / "contacts.svg")
    caption = (tmp_path / "contacts.json").read_text()
    assert "4 of 6 alleles" in caption
    assert "bad 2" in caption
    assert "v4" in caption


def test_figure_of_effects_on_expression(tmp_path):
    row = {**dict.fromkeys(expression.COLUMNS), "line": 3, "model": "cnn", "status": "predicted"}
    rows = [{**row, "reference": 8.0, "alternative": 8 + k / 9, "difference": k / 9} for k in range(-4, 5)]
    rows.append({**row, "status": "bad line: x"})
    table = pl.DataFrame(rows, schema=expression.COLUMNS).to_pandas()
    statuses = pd.DataFrame({"status": ["predicted", "bad line: x"], "alleles": [9, 1]})
    plot_expression_effects(table, statuses, "set", tmp_path / "e.svg")
    assert "9 of 10 alleles" in (tmp_path / "e.json").read_text()
    assert len(pd.read_csv(tmp_path / "e.tsv", sep="\t")) == 9
