"""What a page takes and returns, and the registry of pages."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stripe_sandbox.front.html import Html
from stripe_sandbox.state.account import Account


@dataclass
class Visit:
    """A visit to a page: the account, the value of the address's place, and the form if one was posted."""

    account: Account
    place: str = ""
    form: dict[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """HTML, or (`location`) an address to go to. `leads_to`: where its forms may end up, for the content policy."""

    html: Html | str = ""
    status: int = 200
    location: str | None = None
    leads_to: tuple[str, ...] = ()
    content_type: str = "text/html; charset=utf-8"
    binary: bytes = field(default=b"", repr=False)


View = Callable[[Visit], Page]
PAGES: list[tuple[re.Pattern[str], View]] = []


def view(path: str) -> Callable[[View], View]:
    """Register the function for an address with at most one {place}."""

    def register(function: View) -> View:
        PAGES.append((re.compile("^" + re.sub(r"\{[^}]+\}", "([^/]+)", path) + "$"), function))
        return function

    return register


def origin(address: str | None) -> str | None:
    """Scheme and host of an address."""
    parts = urlsplit(address or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


def go_to(address: str) -> Page:
    """Send the browser elsewhere with a GET."""
    return Page(status=303, location=address)
