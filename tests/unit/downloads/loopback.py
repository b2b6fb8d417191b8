"""A server on the loopback interface that can break connections, ignore ranges and change its files."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file of the server and how it is given.

    Attributes
    ----------
    data : bytes
    tag : str or None
        ETag.
    breaks : list of int
        Each request ends after so many bytes of its body, although more were announced; then whole answers follow.
    ranges : bool
        Whether ranges are heeded.
    status : int
        Other than 200: the answer to every request.
    kind : str
        Content type.
    announced : bool
        Whether the length is told.
    location : str or None
        Path that requests are sent on to.
    stalls : float
        Seconds without a byte where a request breaks.
    begins : int or None
        A range is said to begin here instead.
    """

    data: bytes
    tag: str | None = '"v1"'
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    kind: str = "application/octet-stream"
    announced: bool = True
    location: str | None = None
    stalls: float = 0
    begins: int | None = None


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        served = server.files.get(self.path)
        if served is None:
            self.send_error(404)
            return
        if served.location is not None:
            self.send_response(302)
            self.send_header("Location", served.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if served.status != 200:
            self.send_error(served.status)
            return
        begin, wanted = 0, self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if wanted and served.ranges and condition in (None, served.tag):
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            if begin >= len(served.data):
                self.send_error(416)
                return
        body = served.data[begin:]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header(
                "Content-Range",
                f"bytes {begin if served.begins is None else served.begins}-{len(served.data) - 1}/{len(served.data)}",
            )
        if served.announced:
            self.send_header("Content-Length", str(len(body)))
        if served.tag:
            self.send_header("ETag", served.tag)
        self.send_header("Content-Type", served.kind)
        self.end_headers()
        if served.breaks:
            self.wfile.write(body[: served.breaks.pop(0)])
            self.wfile.flush()
            time.sleep(served.stalls)
            body = b""
        self.wfile.write(body)
        self.close_connection = True


@contextmanager
def loopback(files: dict[str, Served]):
    """Serve files by their paths; yields the address and the list of requests (path, range, condition)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.requests = files, []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.requests
    finally:
        server.shutdown()
        server.server_close()
