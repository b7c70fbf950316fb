"""A proxy before an S3 server that counts what passes, and fails on purpose."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUSY = (503, "SlowDown", "Please reduce your request rate.")
DENIED = (403, "AccessDenied", "Access Denied")


@dataclass
class Request:
    """A request, as a rule of failure sees it."""

    method: str
    path: str
    range: str | None
    number: int


@dataclass
class Fault:
    """What becomes of a request: an answer of its own, or a body that is cut after some bytes, or that comes late."""

    answer: tuple[int, str, str] | None = None
    cut_after: int | None = None
    delay: float = 0.0


@dataclass
class Passed:
    """What has passed."""

    requests: list[Request] = field(default_factory=list)
    bytes: int = 0


class Proxy:
    """Listens at `address` and hands requests on to the server at `port`; `rule` says which fail."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.rule: Callable[[Request], Fault | None] = lambda request: None
        self.lock = threading.Lock()
        self.passed = Passed()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                proxy.handle(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forgets what has passed, and fails no more."""
        with self.lock:
            self.passed = Passed()
            self.rule = lambda request: None

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self.lock:
            number = len(self.passed.requests)
            request = Request(handler.command, handler.path, handler.headers.get("Range"), number)
            self.passed.requests.append(request)
            fault = self.rule(request) or Fault()
        time.sleep(fault.delay)
        if fault.answer:
            status, code, message = fault.answer
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            handler.send_response(status)
            handler.send_header("Content-Type", "application/xml")
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(text)
            return
        server = http.client.HTTPConnection("127.0.0.1", self.port)
        server.request(handler.command, handler.path, body, dict(handler.headers))
        answer = server.getresponse()
        content = answer.read()
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") if handler.command == "HEAD" else str(len(content))
        handler.send_header("Content-Length", length or "0")
        handler.end_headers()
        sent = content if fault.cut_after is None else content[: fault.cut_after]
        if handler.command != "HEAD":
            try:
                handler.wfile.write(sent)
            except (BrokenPipeError, ConnectionResetError):
                handler.close_connection = True
                return
        if handler.command == "GET" and "list-type" not in handler.path:
            with self.lock:
                self.passed.bytes += len(sent)
        if len(sent) < len(content):
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
