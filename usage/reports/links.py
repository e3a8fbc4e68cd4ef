"""The addresses of a usage page and its variants: other days, one more filter, the same as a file. Pure."""

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

# In this order, so that a page has one address.
NAMES = ("range", "since", "until", "feature", "user", "team", "service", "model", "compare")
OF_DAYS = {"range", "since", "until"}


class Links:
    """The parameters of an address, and addresses that differ from it."""

    def __init__(self, asked: Mapping[str, str]) -> None:
        self.asked = {name: asked[name] for name in NAMES if asked.get(name)}

    def query(self, changes: Mapping[str, str] | None = None, *, without: Collection[str] = ()) -> str:
        """Return the query with some parameters changed; one that is set to nothing is left out."""
        kept = {name: value for name, value in self.asked.items() if name not in without}
        changed = {**kept, **(changes or {})}
        return "?" + urlencode({name: changed[name] for name in NAMES if changed.get(name)})

    def of_preset(self, key: str) -> str:
        """Return the query with other days."""
        return self.query({"range": key}, without=OF_DAYS)

    def unfiltered(self) -> str:
        """Return the query for the same days without filters."""
        return self.query(without=set(NAMES) - OF_DAYS - {"compare"})
