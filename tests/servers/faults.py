"""An HTTP proxy that fails on purpose, at the requests that a plan names: deterministic, unlike a network."""

from __future__ import annotations

import http.client
import http.server
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Request:
    """What a plan sees of a request."""

    number: int
    method: str
    path: str
    headers: dict[str, str]

    @property
    def key(self) -> str:
        """Path without the query."""
        return self.path.partition("?")[0]


@dataclass
class Fault:
    """What goes wrong.

    Attributes:
        status: Answer that comes in place of the server's, which sees nothing of the request.
        reset: The connection breaks before the server sees the request.
        lost: The server does what was asked, and the connection breaks in place of its answer.
        cut: Bytes after which the body of the answer breaks off.
        flip: Offset of a byte of the body whose lowest bit is turned.
        delay: Seconds before the answer.
    """

    status: int = 0
    reset: bool = False
    lost: bool = False
    cut: int | None = None
    flip: int | None = None
    delay: float = 0


Plan = Callable[[Request], Fault | None]


class Proxy:
    """A proxy before one server.

    Attributes:
        url: Where it listens.
        plan: Called for each request, by any thread.
        seen: All requests so far.
    """

    def __init__(self, target: str) -> None:
        self.plan: Plan = lambda request: None
        self.seen: list[Request] = []
        self._target = urlsplit(target).netloc
        self._lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                proxy.relay(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def relay(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        with self._lock:
            request = Request(len(self.seen), handler.command, handler.path, dict(handler.headers.items()))
            self.seen.append(request)
        fault = self.plan(request) or Fault()
        if handler.headers.get("Expect", "").lower() == "100-continue" and not fault.reset:
            pass  # the handler has answered it already
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if fault.delay:
            time.sleep(fault.delay)
        if fault.reset:
            _break(handler)
            return
        if fault.status:
            answer = b"<Error><Code>%s</Code><Message>on purpose</Message></Error>" % _NAMES.get(fault.status, b"Error")
            _send(handler, fault.status, {"Content-Type": "application/xml"}, answer)
            return
        connection = http.client.HTTPConnection(self._target, timeout=60)
        try:
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answered = connection.getresponse()
            content = answered.read()
            headers = {name: value for name, value in answered.getheaders()
                       if name.lower() not in {"connection", "transfer-encoding", "content-length", "keep-alive"}}
            length = answered.getheader("Content-Length")
        finally:
            connection.close()
        if fault.lost:
            _break(handler)
            return
        if fault.flip is not None and content:
            at = fault.flip % len(content)
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        whole = int(length) if handler.command == "HEAD" and length else len(content)
        _send(handler, answered.status, headers, content, whole, fault.cut)


_NAMES = {412: b"PreconditionFailed", 500: b"InternalError", 503: b"SlowDown", 409: b"ConditionalRequestConflict", 403: b"AccessDenied"}


def _send(handler, status, headers, content, whole=None, cut=None) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content) if whole is None else whole))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content if cut is None else content[:cut])
    if cut is not None:
        handler.close_connection = True


def _break(handler) -> None:
    """Ends the connection by a reset."""
    handler.close_connection = True
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@contextmanager
def proxied(target: str):
    """Runs a proxy before a server."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
