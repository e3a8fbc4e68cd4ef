"""Loading what a program sells into the catalogue: terms, currencies, packs, custom amounts, plans, promotions.

Rows that the file no longer names are withdrawn from sale, never deleted: purchases and subscriptions refer to them.
Promotions that the file doesn't name are the staff's own and stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.audit_actions import Action
from billing.models import Pack, SaleTerms
from billing.programs.catalog import Catalog, CatalogRow
from billing.programs.changes import Change, moves
from credits.models import Program


@dataclass(slots=True)
class Sales:
    """One load of what a program sells, under the program's lock. `changes`: rows written; `kept`: rows left alone."""

    program: Program
    catalog: Catalog
    changes: list[Change] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def load(self) -> None:
        """Write what differs from the file; a second load of the same file writes nothing."""
        self._sync(self.program.currencies, "code", self.catalog.currencies, what="currency")
        self._sync(self.program.packs, "key", self.catalog.packs, what="pack")
        self._sync(self.program.custom_amounts, "currency", self.catalog.custom_amounts, what="custom_amount")
        self._sync(self.program.plans, "key", self.catalog.plans, what="plan")
        self._sync(self.program.promotions, "code", self.catalog.promotions, what="promotion")
        self._terms()

    def _terms(self) -> None:
        terms = SaleTerms.objects.filter(program=self.program).first()
        if self.catalog.terms is None:
            # Nothing is on sale any more, so the terms apply to nothing.
            self.kept += ["terms of sale"] if terms is not None else []
            return
        pack = Pack.objects.filter(program=self.program, key=self.catalog.recharge_pack).first()
        columns = {**self.catalog.terms, "recharge_pack": pack}
        if terms is None:
            SaleTerms.objects.create(program=self.program, **columns)
            self._note(Action.SALE_TERMS_CREATED, "", moves({}, columns))
        else:
            self._change(terms, columns, action=Action.SALE_TERMS_CHANGED, key="")

    def _sync(self, stored: Any, key_field: str, wanted: Sequence[CatalogRow], *, what: str) -> None:
        """Update the program's rows of one kind. stored: the program's manager of them."""
        # Codes ignore case, and no other keys differ in case alone.
        rows = {getattr(row, key_field).upper(): row for row in stored.all()}
        for item in wanted:
            row = rows.pop(item.key.upper(), None)
            if row is None:
                row = stored.create(**{key_field: item.key}, **item.columns)
                self._note(Action(f"{what}.created"), item.key, moves({}, item.columns))
            else:
                self._change(row, item.columns, action=Action(f"{what}.changed"), key=item.key)
            self._prices(row, item, what=what)
        for key, row in sorted(rows.items()):
            self._withdraw(row, what=what, key=getattr(row, key_field, key))

    def _prices(self, row: Any, item: CatalogRow, *, what: str) -> None:
        """Write the prices. Prices in a currency that the program no longer has stay: nothing is sold in it."""
        if not item.prices:
            return
        stored = {price.currency: price for price in row.prices.all()}
        for currency, amount_minor in item.prices.items():
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
            self._note(Action(f"{what}.priced"), item.key, moves({currency: before}, {currency: amount_minor}))

    def _withdraw(self, row: Any, *, what: str, key: str) -> None:
        if what == "promotion":
            self.kept.append(f"promotion {key}")
        elif what == "currency":
            # No row refers to it, and while it exists the program sells in it.
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
        moved = {name: {when: _as_json(value) for when, value in move.items()} for name, move in details.items()}
        self.changes.append(Change(action, f"{self.program.key}/{key}".rstrip("/"), moved))


def _as_json(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.key if isinstance(value, Pack) else value
