"""All problems of config and sheets are told at once, each with file, row, column, value and what was expected."""

from __future__ import annotations

import copy
import shutil

import pytest
import yaml

from cisflow.problems import InputError
from cisflow.settings.document import config_readme
from cisflow.settings.study import read_study
from conftest import CHECKOUT

SCHEMAS = CHECKOUT / "workflow" / "schemas"


@pytest.fixture
def config():
    return yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())


@pytest.fixture
def sheets(tmp_path, config):
    """A copy of the demo's sheets that a test may break; the config points to it."""
    shutil.copytree(CHECKOUT / "config" / "demo", tmp_path / "demo")
    for name, path in config["sheets"].items():
        if path:
            config["sheets"][name] = str(tmp_path / "demo" / path.rsplit("/", 1)[1])
    return tmp_path / "demo"


def problems_of(config):
    with pytest.raises(InputError) as caught:
        read_study(config, SCHEMAS, CHECKOUT)
    return str(caught.value)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_demo_is_valid(config):
    study = read_study(config, SCHEMAS, CHECKOUT)
    assert study.bin_names("random")[0] == "bin00"
    assert len(study.bin_names("random", "sorted")) == 18
    assert study.methods("designed") == ["maude", "bin-mean"]
    assert study.chromosomes("synthetic", "test") == ["chr5"]


def test_all_config_problems_at_once(config):
    config["reads"]["overlap_tolerence"] = 15
    config["device"] = "gpu"
    config["ranking"]["share"] = 1.5
    del config["seed"]
    message = problems_of(config)
    assert message.startswith("4 problems")
    assert "unknown key (did you mean 'overlap_tolerance'?)" in message
    assert "'gpu' is not one of: auto, cpu, cuda" in message
    assert 'column "ranking.share": 1.5 must be at most 1' in message
    assert 'column "seed": missing' in message


def test_unknown_bin_and_library(config, sheets):
    (sheets / "reads.tsv").write_text(
        "library\tbin\tread1\tread2\nrandom\tbin99\ta.fq.gz\t\nrandum\tbin01\ta.fq.gz\tb.fq.gz\n"
    )
    config["sheets"]["reads"] = str(sheets / "reads.tsv")
    message = problems_of(config)
    assert "reads.tsv row 2, column \"bin\": unknown bin: 'bin99' is not one of: bin00" in message
    assert "row 3, column \"library\": unknown library: 'randum' is not one of: random, designed" in message
    assert "(did you mean 'random'?)" in message
    assert 'row 3, column "read2": file not found: b.fq.gz' in message


def test_duplicated_sample(config, sheets):
    with (sheets / "libraries.tsv").open("a") as handle:
        handle.write("random\trandom\tsimulated\t\t\tbin-mean\n")
    assert "row 4, column \"library\": 'random' was already given in row 2" in problems_of(config)


def test_missing_file(config, sheets):
    edit(sheets / "models.tsv", "config/recipes/demo/dream_cnn.yaml", "config/recipes/demo/dream_cn.yaml")
    assert "file not found: config/recipes/demo/dream_cn.yaml" in problems_of(config)


def test_swapped_bins(config, sheets):
    edit(sheets / "bins.tsv", "random\tbin01\tsorted\t1\t", "random\tbin01\tsorted\t7.5\t")
    assert "are bins of random swapped?" in problems_of(config)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("library\tkind", "libary\tkind", "unknown column (did you mean 'library'?)"),
        ("\trandom\tsimulated", "\trandom\tsimulatd", "'simulatd' is not one of: simulated, fastq, counts"),
        ("bin-mean\n", "bin_mean\n", "does not match the pattern"),
        ("library\tkind\tsource", "library,kind,source", "unknown column"),
        (
            "random\trandom\tsimulated",
            "random\trandom\tcounts",
            'column "counts": empty; required when source is counts',
        ),
        ("random\trandom", "ran dom\trandom", "does not match the pattern"),
    ],
)
def test_broken_libraries_sheet(config, sheets, old, new, expected):
    edit(sheets / "libraries.tsv", old, new)
    message = problems_of(config)
    assert expected in message
    assert "libraries.tsv" in message


def test_sheet_with_commas(config, sheets):
    text = (sheets / "models.tsv").read_text().replace("\t", ",")
    (sheets / "models.tsv").write_text(text)
    assert "columns must be separated by tabs (it looks separated by ',')" in problems_of(config)


def test_bom_crlf_and_stray_spaces_are_read(config, sheets):
    text = (sheets / "models.tsv").read_text().replace("\t", " \t").replace("\n", "\r\n")
    (sheets / "models.tsv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_study(config, SCHEMAS, CHECKOUT).models[0]["model"] == "dream_cnn"


def test_empty_sheet(config, sheets):
    (sheets / "models.tsv").write_text("")
    assert "the sheet is empty" in problems_of(config)


def test_recipe_of_the_other_arm(config, sheets):
    edit(sheets / "models.tsv", "kmer_ridge\tpromoters", "kmer_ridge\tsynthetic")
    assert "is for task 'expression', but 'synthetic' is of contacts" in problems_of(config)


def test_recipes_are_checked_before_any_job(config, sheets, tmp_path):
    recipe = tmp_path / "cell.yaml"
    edit(sheets / "models.tsv", "config/recipes/demo/dream_cnn.yaml", str(recipe))
    parts = "data: autosome, first: bhi, core: unlockdna"
    recipe.write_text(f"task: expression\nmodel: network\nprix_fixe: {{{parts}, final: unlockdna}}\n")
    assert "combination 0_1_2_2 does not work: the final block of unlockdna" in problems_of(config)
    recipe.write_text(f"task: expression\nmodel: network\nprix_fixe: {{{parts}, final: autosome}}\nloss_: 1\n")
    assert "unknown key: 'loss_'" in problems_of(config)
    recipe.write_text(f"task: expression\nmodel: network\nprix_fixe: {{{parts}, final: autosome}}\n")
    complete = read_study(config, SCHEMAS, CHECKOUT).recipes[str(recipe)]
    assert complete["network"]["core"]["name"] == "unlockdna_core"


def test_maude_without_bounds(config, sheets):
    lines = (sheets / "bins.tsv").read_text().splitlines()
    fields = lines[-1].split("\t")
    fields[4] = ""
    (sheets / "bins.tsv").write_text("\n".join([*lines[:-1], "\t".join(fields)]) + "\n")
    assert 'column "lower_quantile": empty; required by method maude' in problems_of(config)


def test_missing_data_folder(config):
    config["data_dir"] = "no/such/folder"
    assert "folder not found: no/such/folder" in problems_of(config)


def test_readme_of_the_config_is_current(config):
    written = (CHECKOUT / "config" / "README.md").read_text()
    assert written == config_readme(SCHEMAS, config), "run `make docs`"


def test_every_config_leaf_is_in_the_schema(config):
    schema = yaml.safe_load((SCHEMAS / "config.schema.yaml").read_text())

    def leaves(value, prefix=()):
        if isinstance(value, dict):
            for key, part in value.items():
                yield from leaves(part, (*prefix, key))
        else:
            yield prefix

    for leaf in leaves(config):
        broken = copy.deepcopy(config)
        part = broken
        for key in leaf[:-1]:
            part = part[key]
        part[leaf[-1] + "_x"] = part.pop(leaf[-1])
        with pytest.raises(InputError, match="unknown key"):
            read_study(broken, SCHEMAS, CHECKOUT)
    assert schema["additionalProperties"] is False


def test_model_named_like_the_submissions(config, sheets):
    edit(sheets / "models.tsv", "dream_cnn\tpromoters", "submitted\tpromoters")
    assert "'submitted' stands for predictions made elsewhere" in problems_of(config)


def test_simulated_subsets_without_a_simulated_library(config, sheets):
    edit(sheets / "datasets.tsv", "\tdesigned\tmaude", "\trandom\tbin-mean")
    assert "'simulated' needs a test_library of kind designed and source simulated" in problems_of(config)


def test_resolutions_that_recipes_ask_for(config, sheets, tmp_path):
    recipe = yaml.safe_load((CHECKOUT / "config" / "recipes" / "demo" / "orca_1mb.yaml").read_text())
    base = read_study(config, SCHEMAS, CHECKOUT).resolutions("synthetic")
    for resolution in (4000, 2500):
        recipe["window"]["resolution"] = resolution
        (tmp_path / f"{resolution}.yaml").write_text(yaml.safe_dump(recipe))
    with (sheets / "models.tsv").open("a") as handle:
        handle.write(f"coarse\tsynthetic\t{tmp_path / '4000.yaml'}\t1\n")
    study = read_study(config, SCHEMAS, CHECKOUT)
    assert base == [1000]
    assert study.resolutions("synthetic") == [1000, 4000]
    assert (study.resolution("coarse", "synthetic"), study.suffix("synthetic", 4000)) == (4000, ".4000")
    assert study.suffix("synthetic", 1000) == study.suffix("synthetic") == ""
    with (sheets / "models.tsv").open("a") as handle:
        handle.write(f"odd\tsynthetic\t{tmp_path / '2500.yaml'}\t1\n")
    what = "2500; expected a multiple of the resolution of map synthetic, 1000 bp"
    assert f'2500.yaml, column "window.resolution": {what}' in problems_of(config)
