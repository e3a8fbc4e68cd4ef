"""Which addresses may be called, so that nobody uses Drawdown to reach into the network it runs in.

`parse` reads a URL, `resolve` asks for its name once and checks every answer; whoever calls must connect to exactly
what `resolve` returned and never ask again, or a name that changes its mind leads inside. Nothing is called here.
"""

import ipaddress
import queue
import re
import socket
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from organizations.refusals import Refusal

PORTS = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1024
LONGEST_URL = 500

# They carry an IPv4 address inside, which might be any: compatible, mapped, translated (NAT64), Teredo, 6to4.
EMBEDDING = (
    *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),
    *("2001::/32", "2002::/16"),
)
# Where clouds tell a machine its own secrets (beside 169.254.169.254, which is link-local), and relays of 6to4.
INNER = (
    *("168.63.129.16/32", "100.100.100.200/32", "192.0.0.0/24", "192.88.99.0/24"),
    *("fd00:ec2::254/128", "fd20:ce::254/128"),
)
NEVER = [ipaddress.ip_network(network) for network in (*EMBEDDING, *INNER)]
UNICAST = ipaddress.ip_network("2000::/3")
LOOPBACK = ipaddress.ip_address("::1")


class BadAddress(Refusal):
    """The address is none that may be called."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL names. `path` begins with a slash and has the query; `authority` is what the Host header says."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Place:
    """A numeric address that was checked, as the socket module takes it."""

    family: int
    address: Any


def parse(url: str, *, allows_private: bool) -> Target:
    """Read an endpoint's URL; no name is looked up. Raises BadAddress with the sentence for whoever typed it."""
    if len(url) > LONGEST_URL or not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise BadAddress(_("A URL can have up to 500 characters, without spaces, accents and backslashes."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(_("Enter a valid URL.")) from error
    if parts.scheme not in ({"https", "http"} if allows_private else {"https"}):
        raise BadAddress(_("The URL must start with https://"))
    if not parts.hostname or not re.fullmatch(r"[a-z0-9._:-]+", parts.hostname):
        raise BadAddress(_("Enter a valid URL."))
    if "@" in parts.netloc:
        raise BadAddress(_("Remove the user name and password from the URL. Messages are signed instead."))
    if parts.fragment:
        raise BadAddress(_("Remove the part after # from the URL. It is never sent."))
    port = PORTS[parts.scheme] if port is None else port
    if not allows_private and port != PORTS["https"] and port < FIRST_FREE_PORT:
        raise BadAddress(_("The port must be 443, or 1024 or higher."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(scheme=parts.scheme, host=parts.hostname, port=port, path=path)
    _refuse_inner_names(target.host, allows_private=allows_private)
    return target


def _refuse_inner_names(host: str, *, allows_private: bool) -> None:
    """Say early what `resolve` would find anyway, where the host alone shows it."""
    try:
        is_refused = not may_be_called(host, allows_private=allows_private)
    except ValueError:
        is_refused = not allows_private and (host == "localhost" or host.endswith(".localhost"))
    if is_refused:
        raise BadAddress(_("The URL must be on the public internet."))


def may_be_called(address: str, *, allows_private: bool) -> bool:
    """Whether a numeric address may be called; some never, whatever staff allow. Raises ValueError if it is none."""
    ip = ipaddress.ip_address(address)
    if ip == LOOPBACK:
        return allows_private
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or any(ip in network for network in NEVER):
        return False
    if ip.is_private and not ip.is_reserved:
        return allows_private
    return ip.is_global and not ip.is_reserved and (ip.version == 4 or ip in UNICAST)


def resolve(target: Target, *, allows_private: bool, seconds: float) -> list[Place]:
    """Look the host up, once, and return where it is.

    Raises BadAddress if even one of the answers may not be called, TimeoutError after so many seconds, and OSError or
    UnicodeError where there is no such name.
    """
    places = [Place(family, address) for family, *_rest, address in _look_up(target, seconds)]
    if not places or not all(may_be_called(place.address[0], allows_private=allows_private) for place in places):
        raise BadAddress(_("The URL must be on the public internet."))
    return places


def _look_up(target: Target, seconds: float) -> list[Any]:
    """Ask the system, in a thread of its own: it can't be told when to give up."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(answer, Exception):
        raise answer
    return answer
