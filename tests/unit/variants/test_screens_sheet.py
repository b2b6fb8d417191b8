"""The screens sheet, what is told before any job, simulated screens, and the strongest effects."""

import numpy as np
import pandas as pd
import pytest

from cisflow.clusters.ordered import read_ordered
from cisflow.contacts.regions import Region, listed_regions
from cisflow.figures.contact_screens import plot_disruptions, plot_insertions
from cisflow.models.contact_networks import CONTACT_NETWORKS
from cisflow.problems import InputError
from cisflow.settings.screens import WITHOUT_ENCODER, disruption_rule, screens_with_files
from cisflow.simulate.screens import INSERTED, simulate_inserted, simulate_regions
from cisflow.variants.screen_input import file_problems, read_regions
from cisflow.variants.screen_summary import active_sequences, strongest_sites

HEADER = "screen\tdataset\tmodels\tkind\tregions\tsequences\twidth\tstrands\n"


@pytest.fixture
def study(demo_with):
    return lambda rows: demo_with("screens", HEADER + rows)


def test_networks_are_asked(study):
    rows = (
        "a\tsynthetic\t\tdisruption\tchr5:1,000-2,000 chr4:5-50\t\t20\t\n"
        "b\tsynthetic\torca\tinsertion\tsimulated\tsimulated\n"
    )
    found = study(rows)
    assert found.screen_models("a") == ["orca", "orca_zoom"]
    assert found.screens_of("insertion") == ["b"]
    assert disruption_rule(found.screens["a"]) == {"width": 20}
    listed, simulated = screens_with_files(found)
    assert listed["regions"] == [Region("chr5", 1000, 2000), Region("chr4", 5, 50)]
    assert listed["lengths"]["chr5"] == 2_000_000
    assert simulated["regions"] is None
    assert simulated["sequences"] is None


def test_every_problem_is_told(study):
    rows = (
        "a\tsyntetic\t\tdisruption\tsimulated\t\t\t\nb\tsynthetic\torka\tinsertion\tnone.bed\t\t\t\n"
        "c\tsynthetic\t\tdisruption\tchr5:9-8\tx.fa\t\tforward\nd\tsynthetic\tdistance_only\tinsertion\tsimulated\tsimulated\t5\t\n"
    )
    with pytest.raises(InputError) as error:
        study(rows)
    text = str(error.value)
    for told in (
        "did you mean 'synthetic'",
        "did you mean 'orca'",
        "file not found: none.bed",
        "an insertion screen needs sequences",
        "expected an end beyond the start",
        "'x.fa' has no meaning for kind disruption",
        "orca_zoom cannot predict the forward strand alone",
        "distance_only knows no sequence",
        "5 has no meaning for kind insertion",
    ):
        assert told in text


def test_networks_without_encoder_are_known():
    assert set(CONTACT_NETWORKS.names()) - set(WITHOUT_ENCODER) == {"orca_1mb", "orca_cascade"}


def test_files_are_looked_into_before_any_job(tmp_path):
    (tmp_path / "r.bed").write_text("chr1\t5\t90\nchr1\t90\t120\nchr7\t0\t5\n")
    (tmp_path / "s.tsv").write_text("a\tACGT\na\tAXGT\n")
    lengths = {"chr1": 100}
    text = "\n".join(map(str, file_problems("disruption", tmp_path / "r.bed", tmp_path / "s.tsv", lengths, "x")))
    for told in ("chr1:90-120 reaches beyond chr1, 100 bp", "'chr7' is not one of", "id 'a' was already", "AXGT"):
        assert told in text
    # Of an insertion only the first base counts.
    assert len(file_problems("insertion", tmp_path / "r.bed", None, lengths, "x")) == 1
    assert file_problems("disruption", [Region("chr1", 5, 101)], None, lengths, "here")[0].where == "here"
    assert not file_problems("disruption", None, None, lengths, "x")
    (tmp_path / "r.bed").write_text("# nothing\n")
    assert file_problems("disruption", tmp_path / "r.bed", None, lengths, "x")
    assert listed_regions("regions.bed") is None


def test_simulated_screens_are_read_again(tmp_path):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 200_000)
    codes[2 * INSERTED : 3 * INSERTED] = rng.integers(1, 3, INSERTED)  # G and C alone
    (tmp_path / "g.fa").write_text(f">chr5\n{''.join('ACGT'[c] for c in codes)}\n")
    (tmp_path / "p.bed").write_text(
        "".join(f"chr5\t{start}\t{start + 219}\n" for start in range(50_000, 150_000, 20_000))
    )
    files = tmp_path / "g.fa", tmp_path / "p.bed", "chr5"
    simulate_regions(*files, "disruption", 1, tmp_path / "d.bed")
    simulate_regions(*files, "insertion", 1, tmp_path / "i.bed")
    simulate_inserted(*files, 1, tmp_path / "i.fa")
    assert [region.end - region.start for region in read_regions(tmp_path / "d.bed")] == [800] * 3
    assert len(read_regions(tmp_path / "i.bed")) == 3
    found = read_ordered(tmp_path / "i.fa")
    pieces = dict(found.select("element", "sequence").iter_rows())
    assert list(pieces) == ["site1", "site2", "gc_poor1", "gc_poor2", "gc_rich1", "gc_rich2", "random1", "random2"]
    assert {len(piece) for piece in pieces.values()} == {INSERTED}
    assert set(pieces["gc_rich1"]) == set("CG")


def test_strongest_effects_and_figures(tmp_path):
    starts = np.arange(1000, 1400, 10)
    sites = pd.DataFrame({"chromosome": "chr1", "start": starts, "end": starts + 10, "level": 640, "bin_size": 40})
    sites = sites.assign(impact=np.where(starts == 1200, 0.5, 0.1), low=None, high=None)
    table = pd.concat([sites.assign(model=model) for model in ("b", "a")], ignore_index=True)
    found = strongest_sites(table)
    assert found["model"].tolist() == ["b"] * 5 + ["a"] * 5
    assert found.iloc[0][["start", "rank"]].tolist() == [1200, 1]
    assert found["times_median"].iloc[0] == pytest.approx(5)
    (tmp_path / "p.bed").write_text("chr1\t1190\t1220\n")
    plot_disruptions(table, tmp_path / "d.svg", "sites", [tmp_path / "p.bed"])
    assert "peaks of the map" in (tmp_path / "d.json").read_text()
    table = pd.DataFrame({"sequence": list("xxyy"), "position": [5, 9, 5, 9], "activity": [1.0, None, 2.0, 4.0]})
    table = table.assign(chromosome="chr1", length=9, model="a", level=640, change=-table["activity"], status="")
    found = active_sequences(table)
    assert found["sequence"].tolist() == ["y", "x"]
    assert found[["places", "refused", "activity"]].to_numpy().tolist() == [[2, 0, 3.0], [1, 1, 1.0]]
    plot_insertions(table, tmp_path / "i.svg", "segments")
    assert "3 insertions" in (tmp_path / "i.json").read_text()
