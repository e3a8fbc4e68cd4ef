"""The process: an HTTP server on loopback, and a thread that runs due tasks and delivers webhooks."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from stripe_sandbox.front import control
from stripe_sandbox.front.api import Request, Response
from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.html import alert
from stripe_sandbox.front.html import page as html_page
from stripe_sandbox.front.switches import Dropped, Front
from stripe_sandbox.pages import bank, checkout, index, invoices, portal  # noqa: F401 - each brings its pages
from stripe_sandbox.pages.base import PAGES, Page, Visit
from stripe_sandbox.state import deliveries
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import run_due

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_BODY = 1_000_000
TICK_SECONDS = 0.05
STYLE = Path(__file__).parent / "pages" / "style.css"


@dataclass(frozen=True)
class Exchange:
    """A call of the API and its answer, for tests that watch them."""

    request: Request
    response: Response


class Sandbox:
    """A running sandbox. `url` is its address; `watch` is called with every call of the API."""

    def __init__(
        self,
        *,
        port: int = 0,
        data: Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str = "whsec_sandbox",  # noqa: S107 - it protects nothing
        watch: Callable[[Exchange], None] | None = None,
        send: deliveries.Sender = deliveries.post,
    ) -> None:
        self.account = Account(data)
        self.front = Front(self.account)
        self.watch = watch
        self.send = send
        if webhook_url:
            self.account.notes["endpoint"] = {"url": webhook_url, "secret": webhook_secret}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.account.base_url = self.url
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, daemon=True),
            threading.Thread(target=self._live, daemon=True),
        ]

    def start(self) -> "Sandbox":
        """Serve in the background."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, and write what is not written yet."""
        self._stopping.set()
        with contextlib.suppress(OSError):  # one last caller, who asks nothing, ends the wait for the next
            socket.create_connection(("127.0.0.1", self._server.server_port)).close()
        for thread in self._threads:
            thread.join(timeout=deliveries.ANSWER_WITHIN_SECONDS)
        self._server.server_close()
        self.account.close()

    def wait(self) -> None:
        """Return when the sandbox is stopped."""
        self._stopping.wait()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._server.handle_request()

    def _live(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            with self.account.lock:
                if run_due(self.account):
                    self.account.commit()
            deliveries.deliver_due(self.account, self.send)


def _handler(sandbox: Sandbox) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.sandbox = sandbox
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sandbox: Sandbox

    def handle_any(self) -> None:
        """Read the request and hand it to the API, the control API or a page."""
        length = int(self.headers.get("content-length") or 0)
        if length > LARGEST_BODY:
            self._send(413, b"", "text/plain")
            return
        body = self.rfile.read(length).decode("utf-8", "replace")
        address = urlsplit(self.path)
        host = (self.headers.get("host") or "").rpartition(":")[0].strip("[]") or self.headers.get("host", "")
        if host not in LOOPBACK:  # a name that points here from elsewhere
            self._send(403, b"The payments sandbox answers on loopback only.", "text/plain")
        elif address.path.startswith("/v1/"):
            self._answer_api(address.path, address.query, body)
        elif address.path == control.PATH:
            self._answer_control(body)
        else:
            self._answer_page(address.path, body)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the base class's names

    def log_message(self, *_: Any) -> None:
        """Quiet: the product's own log says what was asked."""

    def _answer_api(self, path: str, query: str, body: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, query, body, headers)
        response = self.sandbox.front.answer(request)
        if isinstance(response, Dropped):
            self.close_connection = True
            return
        if self.sandbox.watch:
            self.sandbox.watch(Exchange(request, response))
        self._send(response.status, json.dumps(response.body, indent=2).encode(), "application/json", response.headers)

    def _answer_control(self, body: str) -> None:
        if self.command == "POST" and self.headers.get("content-type", "").split(";")[0] != "application/json":
            self._send(415, b'{"error": "Send JSON."}', "application/json")  # so no page elsewhere can post here
            return
        status, answer = control.answer(self.sandbox.account, self.sandbox.send, body if self.command == "POST" else "")
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _answer_page(self, path: str, body: str) -> None:
        if path == "/sandbox/style.css":
            self._send(200, STYLE.read_bytes(), "text/css; charset=utf-8")
            return
        page = self._page(path, dict(parse_qsl(body, keep_blank_values=True)) if self.command == "POST" else None)
        origins = " ".join(dict.fromkeys(("'self'", *page.leads_to)))
        policy = f"default-src 'none'; style-src 'self'; form-action {origins}; base-uri 'none'; frame-ancestors 'none'"
        headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        if page.location:
            headers["Location"] = page.location
        self._send(page.status, page.binary or str(page.html).encode(), page.content_type, headers)

    def _page(self, path: str, form: dict[str, str] | None) -> Page:
        account = self.sandbox.account
        for pattern, view in PAGES:
            if match := pattern.match(path):
                with account.lock:
                    account.notes["request"] = None
                    run_due(account)
                    try:
                        return view(Visit(account, "".join(match.groups()), form))
                    except ApiError as refused:
                        return Page(html_page("That did not work", alert(str(refused))), status=refused.status)
                    finally:
                        account.commit()
        return Page(html_page("Not here", alert("There is no such page.")), status=404)

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
