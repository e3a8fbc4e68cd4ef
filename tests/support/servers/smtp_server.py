"""A mail server for tests, on a port of this machine: it takes mail, refuses mailboxes, and hangs up, as it is told."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """answer: what is said to a mailbox ("250 ok", "550 …"; nothing: hang up). taken: messages as they came."""

    answer: Callable[[str], str] = lambda _mailbox: "250 ok"
    taken: list[bytes] = field(default_factory=list)
    calls: int = 0
    port: int = 0


class _Call(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        driver = self.server.driver
        driver.calls += 1
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].upper()
            if verb == "RCPT TO":
                answer = driver.answer(line.split("<")[1].split(">")[0])
                if not answer:
                    return
                self._say(answer)
            elif verb == "DATA":
                self._say("354 go on")
                driver.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    driver: MailServer


@contextmanager
def serving() -> Iterator[MailServer]:
    """Serve until the block is left."""
    with _Server(("127.0.0.1", 0), _Call) as server:
        server.driver = MailServer()
        server.driver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.driver
        finally:
            server.shutdown()
            thread.join()
