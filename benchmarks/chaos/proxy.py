"""A TCP proxy on loopback that misbehaves as it is told, between the product and PostgreSQL or Redis.

It knows nothing of either but for one thing: how PostgreSQL says that a transaction is committed.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

# PostgreSQL's answer to COMMIT: the end of a CommandComplete message.
COMMITTED = b"COMMIT\0"
CHUNK = 65_536
AT_ONCE = struct.pack("ii", 1, 0)  # close with a reset, not with a goodbye


class Proxy:
    """Listens on a port of its own and passes bytes on to `connect()`, as long as it is `open`."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.connect = connect
        self.delay_seconds = 0.0
        self.replies_dropped = 0
        self._to_drop = 0
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    # What it can be told

    def open(self) -> None:
        """Behave."""
        self.delay_seconds = 0.0
        self._flows.set()
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=200)
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def refuse(self) -> None:
        """Take no calls, and cut those that are on."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for calls
            listener.close()
        self.reset()

    def reset(self) -> None:
        """Cut the connections there are; new ones may come."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _cut(each)

    def swallow(self) -> None:
        """Be a black hole: take calls and bytes, pass nothing on. `open` passes on what was held back."""
        self._flows.clear()

    def delay(self, seconds: float) -> None:
        """Hold everything back for so long, each way."""
        self.delay_seconds = seconds

    def drop_commit_replies(self, number: int = 1) -> None:
        """Cut so many connections at the moment when the server says that it has committed."""
        with self._lock:
            self._to_drop = number

    def close(self) -> None:
        """End for good."""
        self.refuse()
        self._flows.set()

    # How it does it

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._sockets.add(client)
        self._flows.wait()
        try:
            server = self.connect()
        except OSError:
            _cut(client)
            return
        with self._lock:
            if client not in self._sockets:  # it was cut while it waited
                _cut(server)
                return
            self._sockets.add(server)
        threading.Thread(target=self._pump, args=[client, server], daemon=True).start()
        self._pump(server, client, is_answer=True)

    def _pump(self, source: socket.socket, target: socket.socket, *, is_answer: bool = False) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK):
                self._flows.wait()
                if self.delay_seconds:
                    time.sleep(self.delay_seconds)
                if is_answer and COMMITTED in chunk and self._drops_this():
                    break
                target.sendall(chunk)
        with self._lock:
            self._sockets -= {source, target}
        _cut(source)
        _cut(target)

    def _drops_this(self) -> bool:
        with self._lock:
            if self._to_drop == 0:
                return False
            self._to_drop -= 1
            self.replies_dropped += 1
            return True


def tcp(port: int, host: str = "127.0.0.1") -> Callable[[], socket.socket]:
    """To a server's port."""
    return lambda: socket.create_connection((host, port), timeout=None)


def unix(path: Path) -> Callable[[], socket.socket]:
    """To a server's socket in the file system."""

    def connect() -> socket.socket:
        each = socket.socket(socket.AF_UNIX)
        each.connect(os.fspath(path))
        return each

    return connect


def _cut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if each.family == socket.AF_INET:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        each.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for its bytes
    each.close()
