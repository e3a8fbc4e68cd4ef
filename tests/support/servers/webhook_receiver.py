"""A customer's server on loopback that takes messages down and answers what it is told to; and how customers verify."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Message:
    path: str
    headers: dict[str, str]
    body: bytes

    def is_signed_with(self, secret: str) -> bool:
        """The specification's check, written anew from its text: one of the signatures is ours."""
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = ".".join([self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body.decode()])
        expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
        given = [signature.split(",", 1) for signature in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in given)


@dataclass
class Receiver:
    """`answer` is called with the handler, the message read; left out, everything is a 204."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], Any] | None = None

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer so from now on; an underscore in a header's name stands for a hyphen."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answer = answer

    @property
    def ids(self) -> list[str]:
        return [message.headers["webhook-id"] for message in self.messages]


@contextmanager
def receiving(wrap: Callable[[Any], Any] = lambda server: server) -> Iterator[Receiver]:
    """Run a receiver. wrap: what its listening socket is wrapped in, such as TLS."""
    receiver = Receiver()
    receiver.answers(204)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.messages.append(Message(self.path, headers, body))
            assert receiver.answer is not None
            receiver.answer(self)

        def log_message(self, *_arguments: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_arguments: Any) -> None:
            """A caller that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = wrap(server.socket)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
