"""Studies from public files: every job of the whole ones is planned, a small one runs from a server to its scores."""

from __future__ import annotations

import json
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cisflow.models.prix_fixe import cells
from conftest import CHECKOUT
from running import snakemake

sys.path.insert(0, str(CHECKOUT / "tests" / "unit" / "downloads"))
from loopback import Served, loopback

STUDIES = CHECKOUT / "config" / "studies"


def jobs(text):
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


def planned(folder, name):
    code, text = snakemake(folder, "-n", "--configfile", str(STUDIES / f"{name}.yaml"))
    assert code == 0, text[-3000:]
    return jobs(text)


def test_the_whole_challenge_is_planned(tmp_path):
    found = planned(tmp_path, "dream2022")
    assert found["download_file"] == found["check_download"] == 5
    assert found["unpack_member"] == 8 + 9
    assert found["train_expression_model"] == 45 + 3
    assert found["build_dataset"] == 3
    assert found["predict_expression"] == 3 * 48
    for rule in (
        "score_models",
        "bootstrap_models",
        "rank_models",
        "plot_ranking",
        "plot_subset_scores",
        "plot_changes",
    ):
        assert found[rule] == 3
    assert found["report"] == 1


def test_the_models_of_the_challenge_are_the_grid_and_the_three():
    models = pd.read_csv(STUDIES / "dream2022" / "models.tsv", sep="\t")
    grid = {f"prix_fixe_{cell.code}" for cell in cells() if cell.refusal is None}
    assert set(models["model"]) == grid | {"dream_cnn", "dream_rnn", "dream_attn"}
    assert len(grid) == 45
    for row in models.itertuples():
        assert row.recipe == f"config/recipes/{row.model.replace('prix_fixe_', 'prix_fixe/')}.yaml"


@pytest.mark.parametrize(
    ("name", "datasets", "trainings", "files"),
    [("lentimpra2024", 3, 3 * 4 * 10 * 9, 1), ("starrseq2022", 1, 4 * 5 * 10, 6)],
)
def test_the_external_benchmarks_are_planned(tmp_path, name, datasets, trainings, files):
    found = planned(tmp_path, name)
    assert found["download_file"] == found["check_download"] == files
    assert found["build_folds"] == found["score_folds"] == found["plot_folds"] == datasets
    assert found["train_folds"] == trainings
    assert found["plot_benchmarks"] == found["report"] == 1


def test_the_human_contact_study_is_planned(tmp_path):
    found = planned(tmp_path, "orca2022")
    assert found["download_file"] == found["check_download"] == 4
    assert found["prepare_contact_map"] == found["compute_expected"] == 2 * 3  # 1, 4 and 32 kb of two cell types
    assert found["train_contact_model"] == found["predict_contacts"] == 2 * (3 + 4)  # three stages and their baselines
    for rule in ("evaluate_contact_models", "plot_contact_ranking", "plot_contact_scores"):
        assert found[rule] == 2 * 3  # one view per stage
    assert found["measure_contact_ceiling"] == found["overfit_contact_window"] == 2 * 3
    assert found["compare_contact_maps"] == 3
    assert found["report"] == 1


def test_all_maps_of_the_human_study_are_summed_from_one_kilobase():
    maps = pd.read_csv(STUDIES / "orca2022" / "contact_maps.tsv", sep="\t")
    assert (maps["base_resolution"] == 1000).all()
    assert (maps["weights"] == "balance").all()


def pack(path, folder, names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            tar.add(folder / name, arcname=f"{folder.name}/{name}")
    return path.read_bytes()


@pytest.fixture
def served(tmp_path, golden):
    """Files of a small challenge, as a server gives them."""
    scoring = golden / "dream" / "scoring"
    rng = np.random.default_rng(1)
    sequences = ["".join(rng.choice(list("ACGT"), 110)) for _ in range(120)]
    lines = [f"{s}\t{8 + s.count('GC') - s.count('AT') / 2}\n" for s in sequences]
    subsets = ["high_exp_seqs.csv", "motif_tiling_seqs.csv"]
    public = ["yeast_exp_indices.json", "motif_tiling_exp_indices.json"]
    return {
        "/train.txt": Served("".join(lines[:100]).encode()),
        "/val.txt": Served("".join(lines[100:]).encode()),
        "/test.txt": Served((scoring / "ground_truth.tsv").read_bytes()),
        "/subsets.tar.gz": Served(pack(tmp_path / "s.tar.gz", scoring / "test_subset_ids", subsets)),
        "/public.tar.gz": Served(pack(tmp_path / "p.tar.gz", scoring / "public_leaderboard_ids", public)),
    }


def write_study(folder: Path, address: str) -> Path:
    members = {"subsets": "test_subset_ids/high_exp_seqs.csv,test_subset_ids/motif_tiling_seqs.csv"}
    names = ("yeast_exp_indices.json", "motif_tiling_exp_indices.json")
    members["public"] = ",".join(f"public_leaderboard_ids/{name}" for name in names)
    files = ["train.txt", "val.txt", "test.txt", "subsets.tar.gz", "public.tar.gz"]
    rows = [f"c/{name}\t{address}/{name}\t{members.get(name.split('.')[0], '')}" for name in files]
    (folder / "downloads.tsv").write_text("file\turls\tmembers\n" + "\n".join(rows) + "\n")
    (folder / "datasets.tsv").write_text(
        "dataset\ttrain_table\tvalidation_table\ttest_table\tsubsets\tmodels_from\n"
        "private\tc/train.txt\tc/val.txt\tc/test.txt\tc\t\n"
        "all\t\t\tc/test.txt\tc/test_subset_ids\tprivate\n"
    )
    recipe = {"task": "expression", "model": "kmer_ridge", "k": 3, "pool_strands": True, "alphas": [1, 10]}
    (folder / "ridge.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "models.tsv").write_text(f"model\tdataset\trecipe\tseeds\nridge\tprivate\t{folder}/ridge.yaml\t1\n")
    sheets = dict.fromkeys(("libraries", "bins", "reads", "contact_maps", "designs", "variants", "screens", "queries"))
    sheets |= {name: str(folder / f"{name}.tsv") for name in ("downloads", "datasets", "models")}
    (folder / "study.yaml").write_text(yaml.safe_dump({"run": "c", "sheets": sheets, "split": {"method": "random"}}))
    return folder / "study.yaml"


@pytest.mark.dag
def test_a_study_runs_from_a_server_to_its_scores(tmp_path, served):
    run, targets = tmp_path / "run", [f"results/c/evaluation/{name}/scores.tsv" for name in ("private", "all")]
    with loopback(served) as (address, requests):
        study = write_study(tmp_path, address)
        code, text = snakemake(run, "--cores", "2", "--configfile", str(study), "--", *targets)
        assert code == 0, text[-6000:]
        assert len(requests) == 5
    scores = {name: pd.read_csv(run / path, sep="\t") for name, path in zip(("private", "all"), targets, strict=True)}
    items = {name: table.set_index(["subset", "metric"])["n"].xs("pearson", level=1) for name, table in scores.items()}
    assert set(items["all"].index) == {"all", "high", "motif tiling"}
    assert items["all"]["all"] == 300
    assert items["private"]["all"] < 300
    assert items["private"]["motif tiling"] < items["all"]["motif tiling"]
    dataset = pd.read_parquet(run / "results/c/datasets/private.parquet")
    assert dataset["split"].value_counts().to_dict() == {"test": 300, "train": 100, "validation": 20}
    source = json.loads((run / "results/c/sources/c/train.txt.json").read_text())
    assert source["source"] == f"{address}/train.txt"
    assert source["verified"] == "not verified against a published hash"
    # The server is gone: nothing is asked for again, and a missing file is told with what to do.
    code, text = snakemake(run, "--cores", "1", "--configfile", str(study), "--", *targets)
    assert "Nothing to be done" in text, text[-3000:]
    (tmp_path / "other").mkdir()
    code, text = snakemake(tmp_path / "other", "--cores", "1", "--configfile", str(study), "--", "downloads/c/val.txt")
    assert code != 0
    assert "Fetch it by hand (no published size or hash) and put it at c/val.txt" in text, text[-3000:]
    # A copy that is brought along is used instead.
    (tmp_path / "other" / "c").mkdir()
    (tmp_path / "other" / "c" / "val.txt").write_bytes(served["/val.txt"].data)
    target = "results/c/sources/c/val.txt.json"
    code, text = snakemake(tmp_path / "other", "--cores", "1", "--configfile", str(study), "--", target)
    assert code == 0, text[-3000:]
    assert json.loads((tmp_path / "other" / target).read_text())["source"] == "local copy"
