"""The HTTP server of a predictor: three paths, nothing else.

Inputs: a predictor and an address. Outputs: answers. No request names a file, and none is read or written for one;
bodies are limited before they are read; ``/formats`` and ``/help`` answer while a prediction runs.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cisflow.joblog import logger
from cisflow.serve.answers import (
    JSON,
    as_json,
    formats_body,
    help_body,
    predict_body,
    predictor_name,
    read_body,
    written,
)
from cisflow.serve.predictors import Served
from cisflow.serve.requests import BROKEN, IMPOSSIBLE, MALFORMED, Limits, Refusal, check_request

#: Seconds that a connection may stay silent.
SILENCE = 60
#: Method of each path.
PATHS = {"/formats": "GET", "/help": "GET", "/predict": "POST"}


class PredictorServer(ThreadingHTTPServer):
    """Serves one predictor.

    Parameters
    ----------
    address : tuple of (str, int)
        Host and port; port 0 takes a free one (``server_address`` says which).
    model : str
        Name of the model.
    served : Served
    limits : Limits, optional
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], model: str, served: Served, limits: Limits | None = None):
        self.name, self.served, self.limits = predictor_name(model), served, limits or Limits()
        self.predicting = threading.Lock()  # one prediction at a time: memory and threads are those of one
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "cisflow", ""
    timeout = SILENCE
    server: PredictorServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _other(self) -> None:
        self._answer(self.command)

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _other

    def _answer(self, method: str) -> None:
        try:
            self._send(200, *self._body(method))
        except Refusal as refusal:
            self._send(refusal.status, as_json(refusal.body(self.server.name)), JSON)
        except OSError:  # the evaluator has gone
            self.close_connection = True
        except Exception:
            logger.exception("%s %s", method, self.path)
            refusal = Refusal(BROKEN, "the prediction failed; the log of the server says why")
            self._send(500, as_json(refusal.body(self.server.name)), JSON)

    def _body(self, method: str) -> tuple[bytes, str]:
        """Body and type of the answer."""
        server, path = self.server, self.path.split("?")[0]
        if path not in PATHS or PATHS[path] != method:
            self.close_connection = True  # a body may follow that nobody reads
            known = ", ".join(f"{allowed} {name}" for name, allowed in PATHS.items())
            raise Refusal(MALFORMED, f"no such request; known: {known}", 405 if path in PATHS else 404)
        if path == "/formats":
            return as_json(formats_body(server.name)), JSON
        if path == "/help":
            return as_json(help_body(server.name, server.served.offer)), JSON
        decoded = read_body(self._read(), self.headers.get("Content-Type"))
        request = check_request(decoded, server.served.offer, server.limits)
        del decoded
        with server.predicting:
            body = predict_body(server.name, server.served, request)
        logger.info("%s sequences, %d tasks", f"{len(request.sequences):,}", len(request.tasks))
        return written(body, self.headers.get("Accept"))

    def _read(self) -> bytes:
        """Body of the request, when it is not too large."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Refusal(MALFORMED, "expected the header Content-Length, and no other transfer encoding")
        if int(length) > self.server.limits.bytes:
            self.close_connection = True
            raise Refusal(IMPOSSIBLE, f"body of {int(length):,} bytes; at most {self.server.limits.bytes:,} are read")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            self.close_connection = True
            raise Refusal(MALFORMED, f"the body ends after {len(data):,} of {int(length):,} bytes")
        return data

    def _send(self, status: int, data: bytes, content_type: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """One line per request in the log of the command."""
        logger.info("%s %s", self.address_string(), format % arguments)
