"""Notifying a member of the answer to their request for more, in the transaction of the answer."""

from datetime import datetime
from typing import cast

from domain_events.publishing import publish, withdraw
from organizations.models import Membership, User
from usage.limits.changes import LimitChange
from usage.limits.events import LIMIT_ANSWERED, LIMIT_REQUESTED, LimitAnswered, Scope
from usage.models import Limit, LimitRequest


def request_key(request: LimitRequest) -> str:
    """The key of the notice of a request."""
    return f"limit_request:{request.public_id}"


def answer_key(request: LimitRequest) -> str:
    """The key of the notice that answers a request."""
    return f"limit_answer:{request.public_id}"


def notify_member(
    change: LimitChange,
    limit: Limit,
    request: LimitRequest,
    *,
    granted: bool,
    answered_by: User,
    credits: int | None = None,
    until: datetime | None = None,
    sentence: str = "",
) -> None:
    """Give the member notice, and dismiss the owners' notice of the request. Whoever has left since gets none.

    credits: how many a month are allowed now (smallest units); None where it was declined or the limit was removed.
    """
    organization_id = limit.organization_id
    withdraw(LIMIT_REQUESTED, organization_id=organization_id, key=request_key(request), now=change.now)
    if not Membership.objects.filter(organization=organization_id, user=request.user).exists():
        return
    payload = LimitAnswered(
        granted=granted,
        credits=credits,
        until=until,
        scope=cast("Scope", limit.scope),
        name=name_of(limit),
        feature_name=limit.feature.name if limit.feature is not None else "",
        answered_by=str(answered_by),
        answer=sentence,
        unit=change.wallet.program.unit,
        decimals=change.wallet.program.decimals,
    )
    key = answer_key(request)
    publish(LIMIT_ANSWERED, payload, organization_id=organization_id, key=key, now=change.now, person=request.user)


def name_of(limit: Limit) -> str:
    """Whose limit it is, as people say it."""
    return str(limit.team or limit.user or limit.organization)
