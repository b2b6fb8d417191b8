"""Figure of the reads: its numbers, its files, and funnels that do not fit together."""

import json

import numpy as np
import pandas as pd
import pytest

from cisflow.figures.reads import file_table, loss_table, plot_read_funnel, step_table, wilson_interval
from cisflow.problems import InputError

COLUMNS = ["library", "bin", "step", "count"]
STEPS = ["read pairs", "merged", "flanks found", "length kept", "without N", "unique sequences"]


@pytest.fixture
def funnels():
    counts = dict(zip(STEPS, [100, 97, 90, 90, 88, 20], strict=True))
    reads = [("lib", f"bin{b:02d}", step, n) for b in range(18) for step, n in counts.items()]
    clusters = []
    for b in range(18):
        counts = {
            "reads to assign": 88,
            "reads equal to an ordered sequence": 70,
            "reads with mismatches": 8,
            "ambiguous reads (dropped)": 4,
            "unaligned reads (dropped)": 6,
            "reads counted": 78,
        }
        clusters += [("lib", f"bin{b:02d}", step, n) for step, n in counts.items()]
    clusters += [("lib", "all", step, 9) for step in ("unique sequences", "elements", "elements with reads")]
    return pd.DataFrame(reads, columns=COLUMNS), pd.DataFrame(clusters, columns=COLUMNS)


def test_losses_add_up(funnels):
    table = loss_table(*funnels)
    assert len(table) == 19
    assert table.iloc[-1]["bin"] == "all"
    assert table.iloc[-1]["reads_in"] == 1800
    losses = table.drop(columns=["bin", "reads_in", "reads_counted"])
    assert losses.iloc[0].to_dict() == {
        "merged": 3,
        "flanks found": 7,
        "length kept": 0,
        "without N": 2,
        "ambiguous reads (dropped)": 4,
        "unaligned reads (dropped)": 6,
    }
    assert (losses.sum(axis=1) == table["reads_in"] - table["reads_counted"]).all()


def test_funnels_of_different_runs_are_refused(funnels):
    reads, clusters = funnels
    clusters.loc[0, "count"] = 87
    with pytest.raises(InputError, match="bin 'bin00': 87 reads, but the reads' funnel ends with 88"):
        loss_table(reads, clusters)


def test_figure_files_and_equal_bytes(funnels, tmp_path):
    for name in ("a", "b"):
        plot_read_funnel(*funnels, "lib", tmp_path / name / "lib.funnel.svg")
    for suffix in (".svg", ".png", ".tsv", ".json"):
        first, second = ((tmp_path / name / f"lib.funnel{suffix}").read_bytes() for name in ("a", "b"))
        assert first == second
        assert first
    caption = json.loads((tmp_path / "a" / "lib.funnel.json").read_text())["caption"]
    assert "1,404 of 1,800 reads or pairs (78.00 %)" in caption
    drawn = pd.read_csv(tmp_path / "a" / "lib.funnel.tsv", sep="\t")
    assert drawn["lost_percent"].tolist() == pytest.approx([22] * 19)
    assert (drawn["lost_percent_low"] < 22).all()
    assert (drawn["lost_percent_high"] > 22).all()


@pytest.fixture
def lanes(funnels):
    """The same library with the reads of each bin in two files of unlike quality."""
    reads, clusters = funnels
    parts = []
    for file, first, left in (("L1.fq.gz", 60, 57), ("L2.fq.gz", 40, 31)):
        part = reads[reads["step"] != "unique sequences"].assign(file=file)
        part["count"] = part["step"].map(dict(zip(STEPS, [first, left + 2, left + 2, left + 2, left], strict=False)))
        parts.append(part)
    parts.append(reads[reads["step"] == "unique sequences"].assign(file="all"))
    return pd.concat(parts, ignore_index=True), clusters


def test_files_of_a_bin_are_added_up_and_told_apart(lanes, funnels):
    table, expected = loss_table(*lanes), loss_table(*funnels)
    assert table[["bin", "reads_in", "reads_counted"]].equals(expected[["bin", "reads_in", "reads_counted"]])
    files = file_table(lanes[0])
    assert len(files) == 36
    assert files.to_dict("records")[18] == {"bin": "bin00", "file": "L2.fq.gz", "reads_in": 40, "passed": 31}
    assert file_table(funnels[0]).empty
    one_file = lanes[0][lanes[0]["file"] != "L2.fq.gz"]
    assert file_table(one_file).empty


def test_steps_of_the_whole_library_end_with_the_reads_of_elements(lanes):
    steps = step_table(*lanes)
    assert steps["step"].tolist() == [*STEPS[:-1], "given to an element"]
    assert steps["reads"].tolist() == [1800, 92 * 18, 92 * 18, 92 * 18, 88 * 18, 78 * 18]


def test_figure_names_the_worst_file(lanes, tmp_path):
    plot_read_funnel(*lanes, "lib", tmp_path / "lib.funnel.svg")
    caption = json.loads((tmp_path / "lib.funnel.json").read_text())["caption"]
    assert "Of 36 files L2.fq.gz (bin bin00) keeps least (77.50 %)" in caption
    assert "Right: share that each file lost" in caption
    drawn = pd.read_csv(tmp_path / "lib.funnel.tsv", sep="\t")
    assert (drawn["file"] != "all").sum() == 36


def test_wilson_interval_has_its_known_values():
    low, high = wilson_interval(np.array([0, 10, 50, 0]), np.array([20, 20, 50, 0]))
    assert low == pytest.approx([0, 0.2993, 0.9287, 0], abs=1e-4)
    assert high == pytest.approx([0.1611, 0.7007, 1, 1], abs=1e-4)
