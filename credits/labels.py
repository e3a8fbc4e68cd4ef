"""What an operation is called where people read it: credits that came in go by their source, the rest by their type."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from credits.models import EntryKind, Source

TYPES: dict[str, str | Promise] = {
    EntryKind.GRANT.value: _("credits added"),
    EntryKind.USAGE.value: _("usage"),
    EntryKind.RETURN.value: _("return"),
    EntryKind.EXPIRY.value: _("expiry"),
    EntryKind.VOID.value: _("void"),
    EntryKind.DEBT.value: _("debt"),
    EntryKind.REPAYMENT.value: _("repayment of debt"),
}


def type_label(kind: str, source: str = "") -> str:
    """Return an operation's type in the active language: "card purchase", "usage", "repayment of debt"."""
    return str(Source(source).label if source else TYPES[kind])


def resource_label(resource: dict[str, Any] | None) -> str:
    """Write what a use was for in one line: "project: Spring · session: 42"."""
    return " · ".join(f"{name}: {value}" for name, value in (resource or {}).items())
