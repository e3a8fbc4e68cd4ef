"""Mail addresses that a mail server refused for good, and what lifts that: proof that mail arrives there again."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from notices.models import RefusedAddress

LONGEST_REASON = 300


def refuse(email: str, *, reason: str, now: datetime) -> None:
    """Send no notice there any more. Twice is once."""
    row = RefusedAddress(email=email.lower(), reason=reason[:LONGEST_REASON], refused_at=now)
    RefusedAddress.objects.bulk_create([row], ignore_conflicts=True)


def lift(email: str) -> bool:
    """Send notices there again; return whether they were not. Mails that were given up stay so."""
    return RefusedAddress.objects.filter(email=email.lower()).delete()[0] > 0


def refused_among(emails: Collection[str]) -> QuerySet[RefusedAddress]:
    """Which of these addresses are refused, by address."""
    return RefusedAddress.objects.filter(email__in=[email.lower() for email in emails]).order_by("email")


def on_email_confirmed(*, email_address: Any, **_rest: object) -> None:
    """A person followed the link that was mailed to the address."""
    lift(email_address.email)


def on_step_completed(*, method: str, email: str | None = None, **_rest: object) -> None:
    """A person signed in by a code that was mailed to the address, or by a mailed link to a new password."""
    if email and method in {"code", "password_reset"}:
        lift(email)
