"""What the words of a notice are written with: amounts, instants and names, in the active language. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from organizations.formats import format_credits_with_unit, format_day, format_instant, format_money


class InCredits(Protocol):
    """A payload that says how its credits are written."""

    @property
    def unit(self) -> str: ...

    @property
    def decimals(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """For one notice: the reader's language, the organization's time zone, and whether it is to one person alone."""

    language: str
    zone: ZoneInfo
    is_to_one_person: bool = False

    def credits(self, amount: int, payload: InCredits) -> str:
        """Credits (smallest units) with their unit, as the payload says."""
        return format_credits_with_unit(amount, decimals=payload.decimals, unit=payload.unit, language=self.language)

    def money(self, amount_minor: int, currency: str) -> str:
        """Money (minor units of an ISO 4217 currency)."""
        return format_money(amount_minor, currency=currency, language=self.language)

    def instant(self, value: datetime) -> str:
        """Day and time by the organization's clocks."""
        return format_instant(value, language=self.language, time_zone=self.zone)

    def day(self, value: date) -> str:
        """A date, or the day of an instant by the organization's clocks."""
        day = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        return format_day(day, language=self.language)

    @staticmethod
    def line(text: str) -> str:
        """What a person typed, in one line."""
        return " ".join(text.split())

    def quoted(self, text: str) -> str:
        """The same in quotation marks, or nothing."""
        line = self.line(text)
        return _("“%(message)s”") % {"message": line} if line else ""
