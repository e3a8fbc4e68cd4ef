"""The values of a report. Amounts in smallest units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Dimension = Literal["feature", "user", "team", "service", "model"]
DIMENSIONS: tuple[Dimension, ...] = ("feature", "user", "team", "service", "model")

# What a report is filtered by: the key of a row by dimension, or the model's name. None (for models an empty text)
# stands for uses without a user, a team or a model.
Filters = Mapping[Dimension, int | str | None]
NO_FILTERS: Filters = {}


@dataclass(frozen=True, slots=True)
class Line:
    """A sum with its name. `credits`: what was charged, less `refunded`.

    bucket: the day, or the first day of the month, of a line over time. key: the row's, or the model's name. choice:
    how it is named in an address. before: the credits of the range before, if two are compared. parts: a user's
    features.
    """

    name: str
    credits: int
    uses: int
    bucket: date | None = None
    is_nameless: bool = False
    refunded: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    quantity: int = 0
    key: int | str | None = None
    choice: str = ""
    before: int | None = None
    parts: tuple["Line", ...] = ()

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def difference(self) -> int:
        return self.credits - (self.before or 0)


NOTHING = Line("", 0, 0)


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What was used in some days: in all, over time (by day or month), and by each dimension, most first.

    today: the part of the total that is not final yet.
    """

    total: Line
    today: Line = NOTHING
    over_time: list[Line] = field(default_factory=list)
    by_month: bool = False
    by: Mapping[Dimension, list[Line]] = field(default_factory=dict)

    @property
    def final_credits(self) -> int:
        return self.total.credits - self.today.credits
