"""Contact models of several levels behind the endpoint: the level that is asked for at the start, over loopback."""

import json
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from cisflow.cli import serve
from cisflow.cli.main import main
from cisflow.models.contact_predict import load_contact_model
from cisflow.serve.requests import Limits
from cisflow.serve.server import PredictorServer
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.contact_views import base_codes

sys.path.insert(0, str(Path(__file__).parents[1] / "variants"))
from variant_toys import write_toys

ABOUT = ["--species", "homo_sapiens", "--cell-type", "H1", "--device", "cpu"]


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    return folder, write_toys(folder, ("cascade", "assembled"))


def served(*options):
    import argparse

    parser = argparse.ArgumentParser()
    serve.add_parser(parser.add_subparsers())
    return serve._served(parser.parse_args(["serve", *map(str, options), *ABOUT]))


@pytest.mark.parametrize(("level", "number", "size"), [(None, 0, 160), (640, 2, 40)])
def test_one_level_is_served(toys, level, number, size):
    folder, bundles = toys
    options = [] if level is None else ["--level", level]
    found = served(bundles["cascade"], "--expected", folder / "expected.npz", *options)
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 2560))
    task = {"name": "t", "type": "conformation_chromatin", "cell_type": "H1", "species": "homo_sapiens", "scale": "log"}
    body = {"readout": "interaction_matrix", "prediction_tasks": [task], "sequences": {"s": text}}
    with PredictorServer(("127.0.0.1", 0), "cascade", found, Limits()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/predict"
        request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as reply:
            answer = json.load(reply)
        server.shutdown()
    assert answer["bin_size"] == size
    matrix = np.array(answer["prediction_tasks"][0]["predictions"]["s"])
    given = ContactInput(folder / "genome.fa", {"c": [bundles["cascade"]]}, {"c": folder / "expected.npz"})
    expected = list(given.load()[1][0].placer.level_expected())
    # Every level in the middle of the one above: 960 and 640 bases further.
    offsets, none = np.array([0, 640, 960]), np.zeros((3, 16, 16), dtype=bool)
    model = load_contact_model(bundles["cascade"])
    alone = model.predict_levels(base_codes(text), [offsets], [expected], [none])[0, number]
    np.testing.assert_allclose(matrix, alone, atol=1e-6)


def test_what_such_models_need_is_told(toys, capsys):
    folder, bundles = toys
    expected = ["--expected", str(folder / "expected.npz")]
    for options, told in (
        ([str(bundles["cascade"])], "expected contacts"),
        ([str(bundles["cascade"]), *expected, "--level", "1000"], "levels of 2,560, 1,280, 640 bp"),
        ([str(bundles["assembled"]), *expected], "several chromosomes"),
    ):
        assert main(["serve", *options, *ABOUT]) == 1
        assert told in capsys.readouterr().err
