"""Quality page of a contact map: sound maps pass, planted faults are found, compartments and borders recovered."""

import cooler
import numpy as np
import pandas as pd
import pytest

from cisflow.contacts.annotate import annotate_map, compartment_resolution, gc_content, insulation_resolution
from cisflow.contacts.coolers import write_cooler
from cisflow.contacts.expected import compute_expected
from cisflow.contacts.genome import Genome
from cisflow.contacts.prepare import prepare_map
from cisflow.quality.assess_map import PANELS, assess_map
from cisflow.quality.contact_map import binned_law, read_map_quality
from cisflow.quality.map_checks import compartment_sentence, longest_masked_run, map_verdicts

BIN = 1000
LENGTHS = {"chr1": 120_000, "chr2": 100_000, "chr3": 80_000}
BORDERS = (40, 80)  # bins of chr1


def simulate(folder, depth=400.0, trans=0.02, dead=(), extra=1.0):
    """Genome and map with two compartments (by GC content), two borders on chr1, dead bins, copies of chr3."""
    rng = np.random.default_rng(0)
    sizes = [length // BIN for length in LENGTHS.values()]
    n, chromosome = sum(sizes), np.repeat(np.arange(len(sizes)), sizes)
    rich = (np.concatenate([np.arange(size) for size in sizes]) // 20) % 2 == 0
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    rate = depth / (distance + 1) * np.exp(0.4 * np.where(np.equal.outer(rich, rich), 1, -1))
    for border in BORDERS:
        crosses = np.less.outer(np.arange(n), np.full(n, border)) & (np.arange(n) >= border) & (chromosome == 0)
        rate *= np.where(crosses | crosses.T, 0.3, 1.0)
    rate = np.where(np.equal.outer(chromosome, chromosome), rate, trans * depth)
    rate[np.equal.outer(chromosome == 2, chromosome >= 0).diagonal()] *= extra
    visible = np.ones(n)
    visible[list(dead)] = 0
    counts = np.triu(rng.poisson(rate * np.outer(visible, visible)))
    i, j = np.nonzero(counts)
    write_cooler(folder / "raw.cool", cooler.binnify(pd.Series(LENGTHS), BIN), [(i, j, counts[i, j].astype(np.int32))])
    bases = [rng.choice(list("ACGT"), BIN, p=[0.2, 0.3, 0.3, 0.2] if gc else [0.3, 0.2, 0.2, 0.3]) for gc in rich]
    sequence, first = "".join("".join(part) for part in bases), 0
    with open(folder / "g.fa", "w") as handle:
        for name, length in LENGTHS.items():
            handle.write(f">{name}\n{sequence[first : first + length]}\n")
            first += length


def prepare(folder, **options):
    paths = {name: folder / f"{name}.tsv" for name in ("quality", "balancing", "distance_law", "by_chromosome")}
    paths |= {name: folder / f"{name}.tsv" for name in ("compartments", "insulation")}
    paths["contacts"] = folder / "map.cool"
    prepare_map(
        folder / "raw.cool", folder / "g.fa", BIN, paths["contacts"], paths["quality"],
        validation=["chr2"], test=["chr3"], balancing=paths["balancing"], **options,
    )  # fmt: skip
    compute_expected(paths["contacts"], folder / "e.npz", paths["distance_law"], paths["by_chromosome"])
    annotate_map(paths["contacts"], folder / "g.fa", {k: paths[k] for k in ("compartments", "insulation")}, 100)
    return paths


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    simulate(folder, dead=(10, 150, 151, 152))
    return folder, prepare(folder)


def found(paths, **options):
    return {v.check: v for v in map_verdicts(read_map_quality("m", paths, ["chr3"], **options))}


def test_sound_map_passes(sound):
    verdicts = found(sound[1])
    assert {v.verdict for v in verdicts.values()} == {"ok"}
    masked = cooler.Cooler(str(sound[1]["contacts"])).bins()["weight"][:].isna()
    assert masked[[10, 150, 151, 152]].all()
    assert verdicts["masked bins"].value == pytest.approx(masked.mean())
    assert f"{masked.sum()} of 300 bins" in verdicts["masked bins"].sentence
    assert "the longest stretch is chr2:30,000-33,000" in verdicts["masked bins"].sentence
    assert verdicts["slope"].value == pytest.approx(-1, abs=0.25)
    assert verdicts["balance"].value < 0.005
    assert "iterations" in verdicts["balance"].sentence


def test_compartments_follow_the_planted_ones(sound):
    quality = read_map_quality("m", sound[1])
    table = quality.compartments.dropna()
    assert np.corrcoef(table["gc"], table["E1"])[0, 1] > 0.8
    assert "first eigenvector and GC content correlate" in compartment_sentence(quality)
    narrow = quality.insulation.query("chromosome == 'chr1' and window == 5000").set_index("start")["score"]
    strongest = quality.insulation.query("window == 5000").nlargest(2, "strength")
    assert set(strongest["chromosome"]) == {"chr1"}
    for border in BORDERS:
        assert np.abs(strongest["start"].to_numpy() - border * BIN).min() <= BIN
        assert narrow[border * BIN] < narrow[(border - 10) * BIN]


def test_faults_are_found(tmp_path):
    simulate(tmp_path, depth=25, trans=0.5, dead=tuple(range(220, 275)), extra=6)
    paths = prepare(tmp_path)
    verdicts = found(paths)
    assert verdicts["contacts within chromosomes"].verdict == "fail"
    assert "random ligations" in verdicts["contacts within chromosomes"].sentence
    assert verdicts["masked bins"].verdict == "warn"
    assert verdicts["masked bins of a chromosome"].bin == "chr3"
    assert "It is a test chromosome" in verdicts["masked bins of a chromosome"].sentence
    assert verdicts["slope"].verdict == "ok"
    law = pd.read_csv(paths["distance_law"], sep="\t")
    law["balanced_sum"] = law["n_valid"] * 1.0
    law.to_csv(paths["distance_law"], sep="\t", index=False)
    assert found(paths)["slope"].verdict == "warn"


def test_weights_made_on_other_contacts_are_told(sound, tmp_path):
    for name in ("raw.cool", "g.fa"):
        (tmp_path / name).write_bytes((sound[0] / name).read_bytes())
    cooler.balance_cooler(cooler.Cooler(str(tmp_path / "raw.cool")), store=True)
    verdict = found(prepare(tmp_path))["balance"]
    assert verdict.verdict == "ok"
    assert "(weights of the file)" in verdict.sentence
    with cooler.Cooler(str(tmp_path / "raw.cool")).open("r+") as handle:
        handle["bins/weight"][:] = handle["bins/weight"][:] ** 2
    assert found(prepare(tmp_path))["balance"].verdict in ("warn", "fail")


def test_page_and_figures(sound, tmp_path):
    quality = read_map_quality("m", sound[1], ["chr3"], sound[1]["distance_law"], "other")
    figures = {panel: tmp_path / "figures" / f"m.{panel}.svg" for panel in PANELS}
    assess_map(quality, "run", tmp_path, figures, tmp_path / "v.tsv", tmp_path / "m.html")
    page = (tmp_path / "m.html").read_text()
    assert "Map m looks good: every check passed." in page
    assert page.count("<img") == len(PANELS)
    assert 'src="http' not in page
    drawn = pd.read_csv(tmp_path / "figures" / "m.distance.tsv", sep="\t")
    ratio = drawn.loc[drawn["series"].isin(["measured / used", "replicate / measured"]), "expected"]
    np.testing.assert_allclose(ratio, 1, rtol=1e-9)
    runs = pd.read_csv(tmp_path / "figures" / "m.masked.tsv", sep="\t")
    assert runs["bins"].sum() == quality.bins["masked"].sum() >= 4


def test_replicate_with_other_bins_is_not_compared(sound, tmp_path):
    law = pd.read_csv(sound[1]["distance_law"], sep="\t").iloc[::2]
    law.to_csv(tmp_path / "law.tsv", sep="\t", index=False)
    assert read_map_quality("m", sound[1], (), tmp_path / "law.tsv", "other").replicate is None


def test_parts():
    assert compartment_resolution({"a": 2_000_000}, 1000) == 20_000
    assert compartment_resolution({"a": 150_000_000}, 1000) == 100_000
    assert compartment_resolution({"a": 50_000}, 2000) == 2000
    assert insulation_resolution({"a": 3_000_000_000}, 1000) == 10_000
    assert insulation_resolution({"a": 12_000_000}, 2000) == 2000
    bins = pd.DataFrame({"chromosome": ["a"] * 3 + ["b"] * 2, "start": [0, 5, 10, 0, 5], "end": [5, 10, 12, 5, 9]})
    assert longest_masked_run(bins.assign(masked=[False, True, True, True, False])) == ("a", 5, 12)
    assert longest_masked_run(bins.assign(masked=False)) == ("", 0, 0)
    law = binned_law(np.array([0, 10, 20]), np.array([9, 4, 2]), np.array([9.0, 8.0, 0.0]))
    assert law["expected"].tolist() == [2.0]


def test_gc_content_leaves_unknown_bases_out(tmp_path):
    (tmp_path / "g.fa").write_text(">a\nGCATNNGGNNNN\n")
    content = gc_content(Genome(tmp_path / "g.fa"), "a", np.array([0, 4, 8]), np.array([4, 8, 12]))
    np.testing.assert_array_equal(content, [0.5, 1.0, np.nan])
