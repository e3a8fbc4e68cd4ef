"""Telling a member what became of their request for more, in the transaction of the answer."""

from datetime import datetime

from notices.models import Kind
from notices.notices import end_notices, give_notice
from organizations.models import Membership, User
from usage.limits.changing import Desk
from usage.limits.notices import terms_of
from usage.models import Limit, LimitRequest


def request_key(request: LimitRequest) -> str:
    """The key of the notice of a request."""
    return f"limit_request:{request.public_id}"


def answer_key(request: LimitRequest) -> str:
    """The key of the notice that answers a request."""
    return f"limit_answer:{request.public_id}"


def tell_member(
    desk: Desk,
    limit: Limit,
    request: LimitRequest,
    *,
    granted: bool,
    answered_by: User,
    credits: int | None = None,
    until: datetime | None = None,
    sentence: str = "",
) -> None:
    """Give the member notice, and end the owners' notice of the request. Whoever has left meanwhile is told nothing.

    credits: how many a month are allowed now (smallest units); None where it was declined or the limit was taken away.
    """
    organization = desk.wallet.organization
    end_notices(organization=organization, kinds=[Kind.LIMIT_REQUEST], key=request_key(request), now=desk.now)
    if not Membership.objects.filter(organization=organization, user=request.user).exists():
        return
    details = {
        "granted": granted,
        "credits": credits,
        "until": until.isoformat() if until is not None else None,
        "scope": limit.scope,
        "name": name_of(limit),
        "feature": limit.feature.name if limit.feature is not None else "",
        "answered_by": str(answered_by),
        "answer": sentence,
        **terms_of(desk.wallet),
    }
    give_notice(
        organization=organization,
        kind=Kind.LIMIT_ANSWER,
        key=answer_key(request),
        details=details,
        now=desk.now,
        user=request.user,
    )


def name_of(limit: Limit) -> str:
    """Whose limit it is, as people say it."""
    return str(limit.team or limit.user or limit.organization)
