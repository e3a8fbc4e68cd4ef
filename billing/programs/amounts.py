"""Amounts in a program's file, as exact integers: credits in the program's smallest unit, money in the minor unit.

Nothing is rounded: an amount that doesn't come out whole is a problem of the file. Decimal throughout, no float.
"""

import re
from decimal import Context, Decimal, Inexact

from billing.programs.files import Problems
from credits.models import MAX_CREDITS
from organizations.formats import currency_decimals

# Digits and a point only: no signs, exponents, separators or other scripts' digits.
PLAIN = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
# Stripe takes amounts of at most eight digits.
MAX_MONEY_MINOR = 99_999_999
EXACT = Context(prec=60, traps=[Inexact])


class Amounts:
    """Reads the amounts of one file. An amount that can't be read exactly is noted as a problem and counts as 0."""

    def __init__(self, *, decimals: int, problems: Problems) -> None:
        self.decimals = decimals
        self.problems = problems

    def credits(self, value: int | str, *, table: str, key: str, least: int = 0, most: int = MAX_CREDITS) -> int:
        """Return an amount, given in whole units, in smallest units. `least` and `most` are in smallest units."""
        if isinstance(value, str) and not PLAIN.fullmatch(value):
            return self._wrong(table, key, f'must be a plain number such as 25 or "0.15", not "{value}".')
        amount = Decimal(value).scaleb(self.decimals, EXACT)
        if amount != int(amount):
            return self._wrong(table, key, f"{value} has more decimals than the program's {self.decimals}.")
        if not least <= amount <= most:
            bounds = f"from {self._write(least)} to {self._write(most)}"
            return self._wrong(table, key, f"must be {bounds}, not {value}.")
        return int(amount)

    def money(self, value: str, *, currency: str, table: str, key: str, least: int = 1) -> int:
        """Return money in the currency's minor unit. least: in minor units; 0 where it may be free."""
        if not PLAIN.fullmatch(value):
            return self._wrong(table, key, f'must be a plain number such as "10.00", not "{value}".')
        try:
            decimals = currency_decimals(currency)
        except ValueError:
            return self._wrong(table, key, f"{currency} is not a currency that amounts are kept in.")
        amount = Decimal(value).scaleb(decimals, EXACT)
        if amount != int(amount):
            return self._wrong(table, key, f"{value} has more decimals than {currency}, which has {decimals}.")
        if decimals == 3 and amount % 10:
            # Stripe charges currencies of three decimals to the second one only.
            return self._wrong(table, key, f"{value} must end in 0: {currency} is charged to two decimals.")
        if not least <= amount <= MAX_MONEY_MINOR:
            most = Decimal(MAX_MONEY_MINOR).scaleb(-decimals)
            bounds = f"at most {most:f}" if amount > MAX_MONEY_MINOR else "more than 0"
            return self._wrong(table, key, f"must be {bounds}, not {value}.")
        return int(amount)

    def _write(self, amount: int) -> str:
        return f"{Decimal(amount).scaleb(-self.decimals):f}"

    def _wrong(self, table: str, key: str, sentence: str) -> int:
        self.problems.add(table, key, sentence)
        return 0
