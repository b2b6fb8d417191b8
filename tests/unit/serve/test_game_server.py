"""The predictor endpoint over loopback: recorded exchanges, limits, and requests that name files."""

from __future__ import annotations

import http.client
import json
import math
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from cisflow.serve.answers import predictor_name
from cisflow.serve.message_pack import packed, unpacked
from cisflow.serve.predictors import EXPRESSION_TYPES, ExpressionPredictor, fit_window
from cisflow.serve.requests import Limits, Offer, Request
from cisflow.serve.server import PredictorServer

TASK = {"name": "t", "type": "expression", "cell_type": "K562", "species": "homo_sapiens"}
#: Recorded cases that the reference answers against the contract, or where more is offered here.
OURS = {
    "dream/content_type_with_charset": 200,
    "dream/tasks_not_list": 400,
    "orca/body_not_an_object": 400,
    "dream/readout_unsupported": 422,
    "orca/type_unsupported": 422,
    "dream/msgpack_request_refused": 200,
    "dream/empty_range_ok": 200,  # the range says what the model is shown; the reference passes over it
}


class ShareOfG:
    """The stand-in of the recorded expression predictor."""

    def predict(self, sequences):
        return np.array([round(text.count("G") / len(text), 5) for text in sequences])


class FixedMap:
    """The stand-in of the recorded contact predictor."""

    offer = Offer(
        "interaction_matrix", ("conformation_chromatin",), ["HI-C"], "H1-ESC", "homo_sapiens", "log", converts=False
    )

    def predict(self, request):
        from cisflow.serve.requests import IMPOSSIBLE, Refusal

        if request.ranges:
            raise Refusal(IMPOSSIBLE, "no ranges")
        matrix = np.array([[0.5, -1.25, 0], [-1.25, 0.75, 2], [0, 2, -0.5]], dtype=np.float32)
        return dict.fromkeys(request.sequences, matrix)


def expression(model=None, **options):
    offer = Offer("point", EXPRESSION_TYPES, ["expression"], "K562", "homo_sapiens")
    return ExpressionPredictor([model or ShareOfG()], offer, **options)


@contextmanager
def serving(served, model="Stand-in", limits=None):
    """A server on a free port of this machine, and how to ask it."""
    server = PredictorServer(("127.0.0.1", 0), model, served, limits)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = answer.status, answer.headers["Content-Type"], answer.read()
        connection.close()
        return found

    yield ask
    server.shutdown()
    server.server_close()
    thread.join()


def _sent(case):
    if "request_text" in case:
        return case["request_text"].encode()
    if "request_hex" in case:
        return bytes.fromhex(case["request_hex"])
    if "request_body" not in case:
        return None
    given = case["request_headers"].get("Content-Type", "")
    return packed(case["request_body"]) if "msgpack" in given else json.dumps(case["request_body"]).encode()


@pytest.mark.parametrize("model", ["dream", "orca"])
def test_recorded_exchanges(shared_golden, model):
    cases = json.loads((shared_golden / "game" / "exchanges.json").read_text())
    cases = [case for case in cases if case["case"].startswith(model)]
    name = "DREAM-RNN_Human_K562" if model == "dream" else "ORCA_1M"
    with serving(expression() if model == "dream" else FixedMap(), name) as ask:
        for case in cases:
            label = case["case"]
            headers = {key.replace("-", "_"): value for key, value in case["request_headers"].items()}
            status, content_type, data = ask(case["method"], case["path"], _sent(case), **headers)
            assert status == OURS.get(label, case["status"]), label
            if "response_hex" in case:
                assert (content_type, data) == (case["content_type"], bytes.fromhex(case["response_hex"])), label
                continue
            body = json.loads(data)
            assert body["predictor_name"] == f"{name}_dev"
            if status != 200:
                keys = {400: "bad_prediction_request", 422: "prediction_request_failed", 405: "bad_prediction_request"}
                assert {key for message in body["error"] for key in message} == {keys[status]}, label
                if label not in OURS and status != 405:
                    assert len(body["error"]) == len(case["response_body"]["error"]), label
            elif case["path"] == "/help":
                assert body["game_schema_version"] == case["response_body"]["game_schema_version"]
                assert body["species"] == case["response_body"]["species"]
            elif case["path"] == "/formats":
                expected = case["response_body"]
                assert all(set(expected[key]) <= set(body[key]) for key in expected if key != "predictor_name")
            elif label not in OURS:
                assert body == case["response_body"], label
    assert len(cases) > 5


def test_requests_of_the_community(shared_golden):
    game = shared_golden / "game"
    request = json.loads((game / "dream_rnn_request.json").read_text())
    with serving(expression(window=200, left="A" * 15, right="C" * 15)) as ask:
        status, _, data = ask("POST", "/predict", request)
        assert status == 200
        task = json.loads(data)["prediction_tasks"][0]
        assert list(task["predictions"]) == list(request["sequences"])
        assert task["scale_prediction_actual"] == request["prediction_tasks"][0]["scale"] == "linear"
        first, text = next(iter(request["sequences"].items()))
        assert task["predictions"][first] == pytest.approx(2 ** round(text[:200].count("G") / 230, 5))
        both_flanks = json.loads((game / "point_request.json").read_text())
        assert ask("POST", "/predict", both_flanks)[0] == 200


def test_message_pack_comes_back():
    values = [None, True, False, 0, 127, 128, -1, -32, -33, 65536, -(2**40), 2**63, 0.1, "ß" * 40, b"x" * 300, [], {}]
    nested = {"a": values, "b": {"c": ["y" * 70000, list(range(70000))]}}
    assert unpacked(packed(nested)) == nested
    assert unpacked(b"\xca\x3f\x80\x00\x00") == 1.0
    for damaged in (
        b"\x92\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\xc1",
        b"\x01\x01",
        b"\x91" * 100,
        b"\x82\xa1a\x01\xa1a\x02",
    ):
        with pytest.raises(ValueError, match=r".+"):
            unpacked(damaged)


def test_limits_are_told_and_hold():
    limits = Limits(bytes=2000, sequences=2, length=30, tasks=2)
    with serving(expression(), limits=limits) as ask:
        body = {"readout": "point", "prediction_tasks": [TASK], "sequences": {"a": "ACGT"}}
        assert ask("POST", "/predict", body)[0] == 200
        for changed, words in (
            ({"sequences": {str(i): "ACGT" for i in range(3)}}, b"3 sequences; at most 2"),
            ({"sequences": {"a": "A" * 31}}, b"31 bases with flanks; at most 30"),
            ({"sequences": {"a": "A" * 30}, "upstream_seq": "A"}, b"31 bases with flanks"),
            ({"sequences": {"a": "A" * 3000}}, b"at most 2,000 are read"),
            ({"prediction_tasks": [{**TASK, "name": str(i)} for i in range(3)]}, b"3 tasks; at most 2"),
            ({"prediction_ranges": {"a": [0, 4]}}, b"beyond the sequence"),
        ):
            status, content_type, data = ask("POST", "/predict", body | changed)
            assert (status, content_type) == (422, "application/json")
            assert words in data
        assert ask("POST", "/predict", iter([b"{}"]), Transfer_Encoding="chunked")[0] == 400
        twice = b'{"readout": "point", "sequences": {"a": "A", "a": "C"}}'
        assert b"twice" in ask("POST", "/predict", twice)[2]
        assert ask("POST", "/predict", b'{"readout": NaN}')[0] == 400


@pytest.mark.parametrize("path", ["/../../../../etc/passwd", "/etc/passwd", "/", "/help/%2e%2e/formats"])
def test_no_request_names_a_file(path):
    with serving(expression()) as ask:
        status, content_type, data = ask("GET", path)
    assert (status, content_type) == (404, "application/json")
    assert set(json.loads(data)) == {"predictor_name", "error"}


def test_what_a_model_breaks_on_is_told_without_details():
    class Broken:
        def predict(self, sequences):
            if sequences == ["C"]:
                return np.array([math.inf])
            if sequences == ["A"]:
                return np.array([np.nan])
            raise RuntimeError("/secret/path")

    with serving(expression(Broken())) as ask:
        for text, expected in (("G", 500), ("A", 422), ("C", 422)):
            body = {"readout": "point", "prediction_tasks": [TASK], "sequences": {"a": text}}
            status, _, data = ask("POST", "/predict", body)
            assert status == expected
            assert b"secret" not in data


def test_formats_answer_while_a_prediction_runs():
    started, go_on = threading.Event(), threading.Event()

    class Slow:
        def predict(self, sequences):
            started.set()
            assert go_on.wait(20)
            return np.ones(len(sequences))

    with serving(expression(Slow())) as ask:
        body = {"readout": "point", "prediction_tasks": [TASK], "sequences": {"a": "ACGT"}}
        answers = []
        asking = threading.Thread(target=lambda: answers.append(ask("POST", "/predict", body)))
        asking.start()
        assert started.wait(20)
        assert ask("GET", "/formats")[0] == 200
        go_on.set()
        asking.join()
    assert answers[0][0] == 200


def test_windows_take_flanks_and_cut_the_middle():
    def request(text, span=None, up="", down=""):
        return Request([], {"a": text}, {"a": span} if span else {}, up, down)

    assert fit_window(request("GGG", up="AAAA", down="TTTT"), "a", 8) == "AAGGGTTT"
    assert fit_window(request("GGG", up="A", down="T"), "a", 8) == "NNNAGGGT"
    assert fit_window(request("GGG"), "a", 5) == "NNGGG"
    assert fit_window(request("ACGTACGT"), "a", 4) == "GTAC"
    assert fit_window(request("ACGTACGT", (0, 1)), "a", 4) == "ACGT"
    assert fit_window(request("ACGTACGT", (6, 7)), "a", 4) == "ACGT"
    assert fit_window(request("ACGTACGT", (3, 4)), "a", 4) == "GTAC"


def test_name_says_when_the_container_was_built(tmp_path):
    labels = tmp_path / "labels.json"
    assert predictor_name("my model", labels) == "my-model_dev"
    labels.write_text(json.dumps({"org.label-schema.build-date": "Friday_28_November_2025_18:6:29_PST"}))
    assert predictor_name("a/b", labels) == "a-b_20251128-180629_PST"
    labels.write_text("{}")
    assert predictor_name("m", labels) == "m_unknown"
