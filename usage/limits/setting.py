"""What owners do to limits: set, raise for a time, end a raise, remove. Each takes the wallet's lock, as spends do.

Replays: doing again what is done already writes nothing. What is refused wrote nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from credits.models import MAX_CREDITS
from organizations import audit_events
from organizations.models import Membership, Organization, Team, User
from organizations.refusals import Refusal
from usage.audit_actions import Action
from usage.limits.answers import notify_member
from usage.limits.changes import LimitChange, open_change
from usage.limits.publishing import withdraw_thresholds
from usage.limits.state import REACHED
from usage.models import Feature, Limit, LimitScope, RequestState

MOST_THRESHOLDS = 10


class LimitRefused(Refusal):
    """The limit can't be set like this, or has been removed."""


def set_limit(
    *,
    organization: Organization,
    credits: int,
    actor: User,
    team: Team | None = None,
    user: User | None = None,
    feature: Feature | None = None,
    thresholds: Sequence[int] | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> Limit:
    """Let a team, a user or (with neither) the whole organization use at most `credits` (smallest units) a month.

    feature: the only one that it is about; None: all. thresholds: per cents (1 to 100) at which people are notified,
    always with 100; None: as they are, or the program's for a new limit. now: for tests. Replaces the limit that was
    there; another amount ends a raise. What was used this month counts at once; a limit below that stops further use.
    A replay writes nothing.

    Raises LimitRefused for a team, user or feature that is not the organization's, and for values out of bounds.
    """
    scope = _scope(team, user)
    _check_values(credits, thresholds)
    with open_change(organization.pk, now) as change:
        _check_belongings(change, team=team, user=user, feature=feature)
        limit = Limit.objects.filter(
            organization=organization, scope=scope, team=team, user=user, feature=feature
        ).first()
        if limit is not None:
            change_limit(change, limit, credits=credits, thresholds=thresholds, actor=actor, reason=reason)
            return limit
        limit = Limit.objects.create(
            organization=change.wallet.organization,
            scope=scope,
            team=team,
            user=user,
            feature=feature,
            credits=credits,
            thresholds=_with_last(change.wallet.program.limit_thresholds if thresholds is None else thresholds),
            created_at=change.now,
        )
        change.begin_counting(limit)
        change.reevaluate(limit)
        _record(
            change, Action.LIMIT_SET, limit, actor=actor, reason=reason, details={"credits": credits, "before": None}
        )
    return limit


def change_limit(
    change: LimitChange,
    limit: Limit,
    *,
    credits: int,
    actor: User,
    thresholds: Sequence[int] | None = None,
    reason: str = "",
) -> None:
    """Give a limit another amount or other thresholds, in a change that is open; see `set_limit`."""
    details: dict[str, Any] = {"credits": credits, "before": limit.credits}
    if thresholds is not None and _with_last(thresholds) != limit.thresholds:
        details["thresholds"] = limit.thresholds = _with_last(thresholds)
    if credits == limit.credits and "thresholds" not in details:
        return
    if credits != limit.credits:
        limit.credits, limit.raised_credits, limit.raised_until = credits, None, None
    limit.save(update_fields=["credits", "thresholds", "raised_credits", "raised_until"])
    change.reevaluate(limit)
    _record(change, Action.LIMIT_SET, limit, actor=actor, reason=reason, details=details)


def set_raise(
    *, limit: Limit, credits: int, until: datetime, actor: User, reason: str = "", now: datetime | None = None
) -> Limit:
    """Allow more than the limit for a time; the raise ends by itself, and replaces the one that was there.

    credits: a month, in all (smallest units). until: aware. Raises LimitRefused.
    """
    with open_change(limit.organization_id, now) as change:
        limit = found(limit)
        raise_for_a_time(change, limit, credits=credits, until=until, actor=actor, reason=reason)
    return limit


def raise_for_a_time(
    change: LimitChange, limit: Limit, *, credits: int, until: datetime, actor: User, reason: str = ""
) -> None:
    """Raise a limit, in a change that is open; see `set_raise`."""
    if until <= change.now:
        raise LimitRefused(_("Choose a time in the future."))
    if credits <= limit.credits:
        raise LimitRefused(_("The raised limit must be higher than the limit."))
    _check_values(credits, None)
    if (limit.raised_credits, limit.raised_until) == (credits, until):
        return
    limit.raised_credits, limit.raised_until = credits, until
    limit.save(update_fields=["raised_credits", "raised_until"])
    change.reevaluate(limit)
    details = {"credits": credits, "until": until.isoformat(), "before": limit.credits}
    _record(change, Action.LIMIT_RAISED, limit, actor=actor, reason=reason, details=details)


def end_raise(*, limit: Limit, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """End a raise before its time. One that has ended already records nothing. Raises LimitRefused."""
    with open_change(limit.organization_id, now) as change:
        limit = found(limit)
        if limit.raised_until is None or limit.raised_until <= change.now:
            return
        details = {"credits": limit.raised_credits, "until": limit.raised_until.isoformat()}
        limit.raised_credits = limit.raised_until = None
        limit.save(update_fields=["raised_credits", "raised_until"])
        change.reevaluate(limit)
        _record(change, Action.LIMIT_RAISE_ENDED, limit, actor=actor, reason=reason, details=details)


def clear_limit(*, limit: Limit, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Remove a limit, and notify those who asked for more of it. A replay changes nothing."""
    with open_change(limit.organization_id, now) as change:
        current = Limit.objects.select_related("team", "user", "feature").filter(pk=limit.pk).first()
        if current is None:
            return
        for request in current.requests.select_related("user").filter(state=RequestState.OPEN):
            notify_member(change, current, request, granted=True, answered_by=actor)
        _record(change, Action.LIMIT_CLEARED, current, actor=actor, reason=reason, details={"before": current.credits})
        withdraw_thresholds(current, now=change.now)
        current.delete()


def found(limit: Limit) -> Limit:
    """Return a limit as it is now, under the lock. Raises LimitRefused."""
    current = Limit.objects.select_related("team", "user", "feature").filter(pk=limit.pk).first()
    if current is None:
        raise LimitRefused(_("This limit has been removed."))
    return current


def _with_last(thresholds: Sequence[int]) -> list[int]:
    """Return the thresholds with 100 per cent, of which people are always notified: use stops then."""
    return sorted({*thresholds, REACHED})


def _scope(team: Team | None, user: User | None) -> LimitScope:
    if team is not None and user is not None:
        raise LimitRefused(_("A limit can apply to a team or to a user, not to both."))
    if team is not None:
        return LimitScope.TEAM
    return LimitScope.USER if user is not None else LimitScope.ORGANIZATION


def _check_values(credits: int, thresholds: Sequence[int] | None) -> None:
    if not 0 <= credits <= MAX_CREDITS:
        raise LimitRefused(_("A limit must be from 0 to %(most)s smallest units.") % {"most": MAX_CREDITS})
    if thresholds is None:
        return
    if len(set(thresholds)) != len(thresholds) or len(thresholds) > MOST_THRESHOLDS:
        raise LimitRefused(_("Enter each threshold once, and at most %(most)s of them.") % {"most": MOST_THRESHOLDS})
    if any(not 1 <= each <= 100 for each in thresholds):
        raise LimitRefused(_("A threshold must be from 1 to 100 percent."))


def _check_belongings(change: LimitChange, *, team: Team | None, user: User | None, feature: Feature | None) -> None:
    organization_id = change.wallet.organization_id
    if team is not None and not Team.objects.filter(pk=team.pk, organization=organization_id, closed_at=None).exists():
        raise LimitRefused(_("The team is closed, or belongs to another organization."))
    if user is not None and not Membership.objects.filter(user=user, organization=organization_id).exists():
        raise LimitRefused(_("This user is not a member of the organization."))
    if feature is not None and feature.program_id != change.wallet.program_id:
        raise LimitRefused(_("The organization's program does not have this feature."))


def _record(
    change: LimitChange, action: Action, limit: Limit, *, actor: User, reason: str, details: dict[str, Any]
) -> None:
    whose = limit.team or limit.user
    if limit.feature is not None:
        details = {**details, "feature": limit.feature.key}
    audit_events.record(
        action=action,
        organization=change.wallet.organization,
        actor=actor,
        target=whose.public_id if whose is not None else "",
        reason=reason,
        details=details,
        now=change.now,
    )
