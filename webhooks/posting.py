"""One POST to somebody else's server: to the very address that was checked, once, within a time, following nothing.

Everything that comes back is bounded and never trusted. Never inside a database transaction, and no rows in here.
"""

import functools
import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import cast

from webhooks.addresses import BadAddress, Place, Target, parse, resolve
from webhooks.models import TryError

# Of the answer's body, this is read at most and so many characters of it are kept.
MOST_BYTES = 4_096
MOST_CHARACTERS = 1_000

# What may go wrong, the special before the general.
FAILURES: dict[type[Exception], TryError] = {
    BadAddress: TryError.ADDRESS,
    socket.gaierror: TryError.NAME,
    UnicodeError: TryError.NAME,
    ssl.SSLCertVerificationError: TryError.CERTIFICATE,
    TimeoutError: TryError.TIME,
    OSError: TryError.CONNECTION,
    http.client.HTTPException: TryError.ANSWER,
    ValueError: TryError.ANSWER,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status and the beginning of the body, or an error. retry_after: seconds that it asked for."""

    status: int | None = None
    error: str = ""
    response: str = ""
    retry_after: int = 0

    @property
    def is_received(self) -> bool:
        """2xx, and nothing else: a redirect is no receipt."""
        return self.status is not None and 200 <= self.status < 300


def post(url: str, *, body: bytes, headers: Mapping[str, str], allows_private: bool, seconds: float) -> Answer:
    """Post the body and return what came of it. Never raises.

    seconds: for everything: the name, the connection, the answer. It never takes much longer.
    """
    deadline = monotonic() + seconds
    try:
        target = parse(url, allows_private=allows_private)
        places = resolve(target, allows_private=allows_private, seconds=_left(deadline))
        with closing(_open(target, places, deadline)) as connection:
            return _exchange(connection, target, body=body, headers=headers, deadline=deadline)
    except (BadAddress, OSError, http.client.HTTPException, ValueError) as error:
        return Answer(error=next(word for kind, word in FAILURES.items() if isinstance(error, kind)))


@functools.cache
def tls() -> ssl.SSLContext:
    """How certificates are checked: as the system does. Reading its list takes a while, so once."""
    return ssl.create_default_context()


def _open(target: Target, places: list[Place], deadline: float) -> socket.socket:
    """Connect to one of the checked places; the name is used for TLS alone."""
    plain = _connect(places, deadline)
    if target.scheme == "http":
        return plain
    with closing(plain):
        plain.settimeout(_left(deadline))
        return tls().wrap_socket(plain, server_hostname=target.host)


def _connect(places: list[Place], deadline: float) -> socket.socket:
    """The first that answers. Each gets its share of the time, so that a silent one leaves some to the others."""
    *others, last = places
    for position, place in enumerate(others):
        with suppress(OSError):
            return _connect_to(place, _left(deadline) / (len(places) - position))
    return _connect_to(last, _left(deadline))


def _connect_to(place: Place, seconds: float) -> socket.socket:
    plain = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        plain.settimeout(seconds)
        plain.connect(place.address)
    except BaseException:
        plain.close()
        raise
    return plain


def _exchange(
    connection: socket.socket, target: Target, *, body: bytes, headers: Mapping[str, str], deadline: float
) -> Answer:
    request = http.client.HTTPConnection(target.host, target.port)
    request.sock = connection
    connection.settimeout(_left(deadline))
    request.request("POST", target.path, body, {"Host": target.authority, **headers})
    response = http.client.HTTPResponse(cast("socket.socket", _Patient(connection, deadline)), method="POST")
    response.begin()
    wait = response.headers.get("Retry-After", "")
    return Answer(
        status=response.status,
        response=_beginning(response),
        retry_after=int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else 0,
    )


def _beginning(response: http.client.HTTPResponse) -> str:
    """The body's first characters; what is late, broken or too long is left. The status is the answer."""
    pieces = b""
    with suppress(OSError, http.client.HTTPException, ValueError):
        while len(pieces) < MOST_BYTES and (piece := response.read1(MOST_BYTES - len(pieces))):
            pieces += piece
    # PostgreSQL holds no NUL.
    return pieces.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:MOST_CHARACTERS]


class _Patient(io.RawIOBase):
    """A socket to read from with one deadline for all reads, so that a drop at a time doesn't hold us for ever."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self.connection, self.deadline = connection, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self.connection.settimeout(_left(self.deadline))
        return self.connection.recv_into(buffer)


def _left(deadline: float) -> float:
    """The seconds that are left. Raises TimeoutError where there are none: a socket would take 0 for "at once"."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
