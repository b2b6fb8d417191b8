"""The folder of subsets is found from the files that a rule lists."""

from pathlib import Path

import numpy as np

from cisflow.evaluation.subsets import common_folder, read_subsets


def test_folder_of_one_layout(golden):
    folder = golden / "dream" / "scoring" / "test_subset_ids"
    files = sorted(map(str, folder.iterdir()))
    assert common_folder(files) == folder
    assert common_folder(files[:1]) == folder
    assert common_folder(files[0]) == folder


def test_folder_of_both_layouts_gives_the_private_part(golden):
    folder = golden / "dream" / "scoring"
    files = [str(p) for name in ("test_subset_ids", "public_leaderboard_ids") for p in (folder / name).iterdir()]
    assert common_folder(files) == folder
    whole = read_subsets(folder / "test_subset_ids", np.arange(300))
    private = read_subsets(common_folder(files), np.arange(300))
    assert len(private[0].pos) < len(whole[0].pos) == 300


def test_no_subsets():
    assert common_folder(None) is None
    assert common_folder([]) is None
    assert common_folder("results/a.csv") == Path("results")
