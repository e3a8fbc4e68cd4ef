"""Members ask the owners for more of a limit; one owner answers, once. Under the wallet's lock, like limits themselves.

Replays: what was asked or answered already is refused with a sentence that says so, and writes nothing.
"""

from datetime import datetime
from typing import Any, cast

from django.utils.translation import gettext as _

from credits.models import MAX_CREDITS
from domain_events.publishing import publish
from organizations import audit_events
from organizations.models import Membership, User
from organizations.refusals import Refusal
from usage.audit_actions import Action
from usage.limits.answers import name_of, notify_member, request_key
from usage.limits.changes import LimitChange, open_change
from usage.limits.events import LIMIT_REQUESTED, LimitRequested, Scope
from usage.limits.setting import change_limit, found, raise_for_a_time
from usage.models import Limit, LimitRequest, RequestState


class RequestRefused(Refusal):
    """The request can't be made or granted like this."""


class AlreadyAsked(Refusal):
    """The member has asked for more of this limit, and has no answer yet."""


class AlreadyAnswered(Refusal):
    """An owner has answered; the message says who, and what."""


def ask(
    *, limit: Limit, user: User, credits: int | None = None, message: str = "", now: datetime | None = None
) -> LimitRequest:
    """Ask for more of a limit that covers what the member uses, and give the owners notice.

    credits: how many a month are wanted in all (smallest units), or None for more, however much. Raises LimitRefused
    (the limit is gone), RequestRefused, AlreadyAsked.
    """
    with open_change(limit.organization_id, now) as change:
        limit = found(limit)
        membership = Membership.objects.filter(organization=limit.organization_id, user=user).first()
        if membership is None or not _covers(limit, membership):
            raise RequestRefused(_("This limit does not apply to your usage."))
        state = change.state_of(limit)
        if credits is not None and not state.credits < credits <= MAX_CREDITS:
            raise RequestRefused(_("Request more than the current limit."))
        if limit.requests.filter(user=user, state=RequestState.OPEN).exists():
            raise AlreadyAsked(_("You already requested a higher limit. The owners have not answered yet."))
        request = LimitRequest.objects.create(
            limit=limit, user=user, credits=credits, message=message, created_at=change.now
        )
        payload = LimitRequested(
            request=request.public_id,
            member=str(user),
            scope=cast("Scope", limit.scope),
            name=name_of(limit),
            feature_name=limit.feature.name if limit.feature is not None else "",
            limit=state.credits,
            used=state.used,
            asked=credits,
            message=message,
            unit=change.wallet.program.unit,
            decimals=change.wallet.program.decimals,
        )
        key = request_key(request)
        publish(LIMIT_REQUESTED, payload, organization_id=limit.organization_id, key=key, now=change.now)
        _record(change, Action.LIMIT_REQUESTED, request, actor=user, reason=message, details={"credits": credits})
    return request


def grant(
    *, request: LimitRequest, credits: int, actor: User, until: datetime | None = None, now: datetime | None = None
) -> None:
    """Allow `credits` a month (smallest units) instead of the limit: for good, or until an instant (aware).

    Notifies the member. Raises LimitRefused (the limit is gone, or can't be raised so), AlreadyAnswered.
    """
    with open_change(request.limit.organization_id, now) as change:
        limit, request = _still_open(request)
        if until is None:
            if credits <= limit.credits:
                raise RequestRefused(_("Enter more than the current limit, or decline the request."))
            change_limit(change, limit, credits=credits, actor=actor)
        else:
            raise_for_a_time(change, limit, credits=credits, until=until, actor=actor)
        _close(change, request, RequestState.GRANTED, actor)
        notify_member(change, limit, request, granted=True, answered_by=actor, credits=credits, until=until)
        details = {"credits": credits, "until": until.isoformat() if until is not None else None}
        _record(change, Action.LIMIT_REQUEST_GRANTED, request, actor=actor, details=details)


def decline(*, request: LimitRequest, sentence: str, actor: User, now: datetime | None = None) -> None:
    """Leave the limit as it is, and notify the member of the reason.

    Raises LimitRefused (the limit is gone), AlreadyAnswered.
    """
    with open_change(request.limit.organization_id, now) as change:
        limit, request = _still_open(request)
        _close(change, request, RequestState.DECLINED, actor)
        notify_member(change, limit, request, granted=False, answered_by=actor, sentence=sentence)
        _record(change, Action.LIMIT_REQUEST_DECLINED, request, actor=actor, reason=sentence)


def _covers(limit: Limit, membership: Membership) -> bool:
    if limit.user_id is not None:
        return limit.user_id == membership.user_id
    return limit.team_id is None or limit.team_id == membership.team_id


def _still_open(request: LimitRequest) -> tuple[Limit, LimitRequest]:
    limit = found(request.limit)
    current = LimitRequest.objects.select_related("user", "answered_by").get(pk=request.pk)
    if current.state != RequestState.OPEN:
        raise AlreadyAnswered(
            _("%(person)s already answered this request: %(state)s.")
            % {"person": current.answered_by, "state": current.get_state_display()}
        )
    return limit, current


def _close(change: LimitChange, request: LimitRequest, state: RequestState, actor: User) -> None:
    request.state, request.answered_at, request.answered_by = state, change.now, actor
    request.save(update_fields=["state", "answered_at", "answered_by"])


def _record(
    change: LimitChange,
    action: Action,
    request: LimitRequest,
    *,
    actor: User,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    audit_events.record(
        action=action,
        organization=change.wallet.organization,
        actor=actor,
        target=request.public_id,
        reason=reason,
        details=details,
        now=change.now,
    )
