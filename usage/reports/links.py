"""The addresses of one view of usage and of those beside it: other days, one more filter, the same as a file. Pure."""

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

# In this order, so that one view has one address.
NAMES = ("range", "since", "until", "feature", "user", "team", "service", "model", "compare")
OF_DAYS = {"range", "since", "until"}


class Links:
    """What is asked for in an address, and how to ask for something a little different."""

    def __init__(self, asked: Mapping[str, str]) -> None:
        self.asked = {name: asked[name] for name in NAMES if asked.get(name)}

    def query(self, changes: Mapping[str, str] | None = None, *, without: Collection[str] = ()) -> str:
        """Return the query with some things changed; one that is changed to nothing is left out."""
        kept = {name: value for name, value in self.asked.items() if name not in without}
        changed = {**kept, **(changes or {})}
        return "?" + urlencode({name: changed[name] for name in NAMES if changed.get(name)})

    def of_preset(self, key: str) -> str:
        """Return the query for other days, else the same."""
        return self.query({"range": key}, without=OF_DAYS)

    def unfiltered(self) -> str:
        """Return the query for the same days with all of their usage."""
        return self.query(without=set(NAMES) - OF_DAYS - {"compare"})
