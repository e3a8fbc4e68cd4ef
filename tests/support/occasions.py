"""Occasions of each kind, with details as their causes fill them in, and a way to give notice of one."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from notices.models import Kind, Notice
from notices.notices import give_notice
from organizations.models import Organization, User

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CREDITS = {"decimals": 0, "unit": "credits"}
LIMIT = {"scope": "user", "name": "Bob", "feature": "", "limit": 1000, "used": 900}

DETAILS: dict[str, dict[str, Any]] = {
    Kind.LOW_BALANCE: {"available": 450, "below": 1500, **CREDITS},
    Kind.DEPLETED: {"switched_off": False},
    Kind.RESTORED: {"available": 5000, "switched_off": False, **CREDITS},
    Kind.EXPIRING: {
        "grant": "0198",
        "source": "card",
        "credits": 120,
        "remaining": 4000,
        "expires_at": "2026-03-24T15:00:00+00:00",
        "days": 14,
        **CREDITS,
    },
    Kind.LIMIT: {"limit_id": 1, **LIMIT, "percent": 90, "month_on": "2026-03-01", **CREDITS},
    Kind.LIMIT_REQUEST: {
        **LIMIT,
        "request": "lrq_1",
        "member": "Bob",
        "asked": 2000,
        "message": "The report is due.",
        **CREDITS,
    },
    Kind.LIMIT_ANSWER: {
        "granted": True,
        "credits": 2000,
        "until": "2026-03-31T15:00:00+00:00",
        "scope": "user",
        "name": "Bob",
        "feature": "",
        "answered_by": "Alice",
        "answer": "",
        **CREDITS,
    },
    Kind.RECHARGE_FAILED: {
        "needs_person": False,
        "amount_minor": 10000,
        "currency": "JPY",
        "reason": "Your card was declined.",
    },
}


def give(
    organization: Organization,
    kind: Kind = Kind.LOW_BALANCE,
    *,
    key: str = "",
    user: User | None = None,
    now: datetime = NOW,
    **details: Any,
) -> Notice | None:
    """Give notice as a cause does, in a transaction of its own."""
    with transaction.atomic():
        return give_notice(
            organization=organization,
            kind=kind,
            key=key or f"{kind}:1",
            details={**DETAILS[kind], **details},
            now=now,
            user=user,
        )


def given(organization: Organization, kind: Kind = Kind.LOW_BALANCE, **rest: Any) -> Notice:
    """The same, where it is the first time."""
    notice = give(organization, kind, **rest)
    assert notice is not None
    return notice
