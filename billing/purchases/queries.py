"""An organization's purchases, newest first: page by page, and all of them as a file. Reads only.

States and amounts are shown as they are stored; nothing is settled here.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _

from billing.models import Method, Purchase, PurchaseState
from credits.history.export_csv import BYTE_ORDER_MARK, defused
from credits.models import Program
from organizations.formats import currency_decimals
from organizations.models import Organization


@dataclass(frozen=True, slots=True)
class PurchasesPage:
    """Some purchases, newest first. older, newer: the reference to continue from, None where there are no more."""

    purchases: list[Purchase]
    older: str | None
    newer: str | None


def purchases_page(organization: Organization, *, before: str, after: str, limit: int) -> PurchasesPage | None:
    """Return the page before or after a reference, or the newest; None: there is no purchase of this reference."""
    everything = Purchase.objects.filter(organization=organization).select_related("bought_by")
    edge = everything.filter(reference=before or after).first() if before or after else None
    if (before or after) and edge is None:
        return None
    if edge is None:
        return _page(list(everything.order_by("-created_at", "-id")[: limit + 1]), limit, has_newer=False)
    at = edge.created_at
    if before:
        found = everything.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=edge.pk))
        return _page(list(found.order_by("-created_at", "-id")[: limit + 1]), limit, has_newer=True)
    found = everything.filter(Q(created_at__gt=at) | Q(created_at=at, id__gt=edge.pk))
    rows = list(found.order_by("created_at", "id")[: limit + 1])
    shown = rows[:limit][::-1]
    return PurchasesPage(
        purchases=shown,
        older=shown[-1].reference if shown else edge.reference,
        newer=shown[0].reference if len(rows) > limit else None,
    )


def _page(rows: list[Purchase], limit: int, *, has_newer: bool) -> PurchasesPage:
    shown = rows[:limit]
    return PurchasesPage(
        purchases=shown,
        older=shown[-1].reference if len(rows) > limit else None,
        newer=shown[0].reference if has_newer and shown else None,
    )


def purchases_csv(organization: Organization, program: Program) -> Iterator[str]:
    """Return the lines of all purchases as CSV. Money and credits are given in whole and in smallest units."""
    states = {str(state): str(state.label) for state in PurchaseState}
    methods = {str(method): str(method.label) for method in Method}
    zone = ZoneInfo(organization.time_zone)
    header = [
        _("Reference"),
        _("Ordered"),
        _("Paid"),
        _("Item"),
        _("Credits"),
        _("Credits in smallest units"),
        _("Price"),
        _("Currency"),
        _("Price in minor units"),
        _("Method"),
        _("Status"),
        _("Bought by"),
        _("Email address"),
    ]
    rows = Purchase.objects.filter(organization=organization).select_related("bought_by")
    return _written(header, rows.order_by("-created_at", "-id"), (program, zone, states, methods))


def _written(header: list[str], rows: Any, words: Any) -> Iterator[str]:
    yield BYTE_ORDER_MARK + _line(header)
    program, zone, states, methods = words
    for purchase in rows.iterator(chunk_size=500):
        buyer = purchase.bought_by
        yield _line(
            [
                purchase.reference,
                purchase.created_at.astimezone(zone).isoformat(),
                purchase.paid_at.astimezone(zone).isoformat() if purchase.paid_at else "",
                defused(purchase.name),
                _whole(purchase.credits, program.decimals),
                purchase.credits,
                _whole(purchase.amount_minor, currency_decimals(purchase.currency)),
                purchase.currency,
                purchase.amount_minor,
                methods[purchase.method],
                states[purchase.state],
                defused(buyer.name if buyer else ""),
                defused(buyer.email if buyer else ""),
            ]
        )


def _line(values: list[Any]) -> str:
    line = StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _whole(amount: int, decimals: int) -> str:
    return f"{Decimal(amount).scaleb(-decimals):f}"
