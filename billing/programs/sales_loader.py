"""Bringing what a program sells into the catalogue: terms, currencies, packs, custom amounts, plans, promotions.

What the file no longer names is withdrawn from sale, never deleted: purchases and subscriptions point at it. Promotions
that the file doesn't name are the staff's own and stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.audit_actions import Action
from billing.models import Pack, SaleTerms
from billing.programs.changes import Change, moves
from billing.programs.offers import Offer, Offers
from credits.models import Program


@dataclass(slots=True)
class Sales:
    """One load of what a program sells. Under the program's lock. `changes` and `kept` say what was done and left."""

    program: Program
    offers: Offers
    changes: list[Change] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def load(self) -> None:
        """Write what differs from the file; a second load of the same file writes nothing."""
        self._sync(self.program.currencies, "code", self.offers.currencies, what="currency")
        self._sync(self.program.packs, "key", self.offers.packs, what="pack")
        self._sync(self.program.custom_amounts, "currency", self.offers.custom_amounts, what="custom_amount")
        self._sync(self.program.plans, "key", self.offers.plans, what="plan")
        self._sync(self.program.promotions, "code", self.offers.promotions, what="promotion")
        self._terms()

    def _terms(self) -> None:
        terms = SaleTerms.objects.filter(program=self.program).first()
        if self.offers.terms is None:
            # Nothing is on sale any more, so what the terms say of buying holds for nothing.
            self.kept += ["terms of sale"] if terms is not None else []
            return
        pack = Pack.objects.filter(program=self.program, key=self.offers.recharge_pack).first()
        columns = {**self.offers.terms, "recharge_pack": pack}
        if terms is None:
            SaleTerms.objects.create(program=self.program, **columns)
            self._note(Action.SALE_TERMS_CREATED, "", moves({}, columns))
        else:
            self._change(terms, columns, action=Action.SALE_TERMS_CHANGED, key="")

    def _sync(self, stored: Any, key_field: str, offers: Sequence[Offer], *, what: str) -> None:
        """Bring the program's rows of one kind up to date. stored: the program's manager of them."""
        # Codes are the same in small letters, and no other key differs by them alone.
        rows = {getattr(row, key_field).upper(): row for row in stored.all()}
        for offer in offers:
            row = rows.pop(offer.key.upper(), None)
            if row is None:
                row = stored.create(**{key_field: offer.key}, **offer.columns)
                self._note(Action(f"{what}.created"), offer.key, moves({}, offer.columns))
            else:
                self._change(row, offer.columns, action=Action(f"{what}.changed"), key=offer.key)
            self._prices(row, offer, what=what)
        for key, row in sorted(rows.items()):
            self._withdraw(row, what=what, key=getattr(row, key_field, key))

    def _prices(self, row: Any, offer: Offer, *, what: str) -> None:
        """Write the prices. One in a currency that the program left stays: nothing is sold in it."""
        if not offer.prices:
            return
        stored = {price.currency: price for price in row.prices.all()}
        for currency, amount_minor in offer.prices.items():
            price = stored.get(currency)
            before = None if price is None else price.amount_minor
            if before == amount_minor:
                continue
            if price is None:
                row.prices.create(currency=currency, amount_minor=amount_minor)
            else:
                price.amount_minor = amount_minor
                if hasattr(price, "stripe_price_id"):
                    # Another amount is another price at Stripe.
                    price.stripe_price_id = ""
                price.save()
            self._note(Action(f"{what}.priced"), offer.key, moves({currency: before}, {currency: amount_minor}))

    def _withdraw(self, row: Any, *, what: str, key: str) -> None:
        if what == "promotion":
            self.kept.append(f"promotion {key}")
        elif what == "currency":
            # Nothing points at it; as long as it is there it is sold in.
            row.delete()
            self._note(Action.CURRENCY_WITHDRAWN, key, {})
        else:
            self._change(row, {"is_sold": False}, action=Action(f"{what}.withdrawn"), key=key)

    def _change(self, row: Any, columns: Any, *, action: Action, key: str) -> None:
        moved = moves({name: getattr(row, name) for name in columns}, columns)
        if not moved:
            return
        for name in moved:
            setattr(row, name, columns[name])
        row.save(update_fields=list(moved))
        self._note(action, key, moved)

    def _note(self, action: Action, key: str, details: dict[str, Any]) -> None:
        told = {name: {when: _tell(value) for when, value in move.items()} for name, move in details.items()}
        self.changes.append(Change(action, f"{self.program.key}/{key}".rstrip("/"), told))


def _tell(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.key if isinstance(value, Pack) else value
