"""What pages show of limits: how much of each is used, reserved and left at an instant. Reads only, under no lock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from organizations.models import Membership, Organization
from usage.limits import rows
from usage.limits.state import NARROWNESS, NEARLY_REACHED, REACHED, LimitState, Moment
from usage.models import Limit, LimitRequest, LimitScope, RequestState

# In addresses: a limit for all features. No feature's key can be so.
ALL_FEATURES = "~all"


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit with its figures.

    is_gone: its user is no longer a member, or its team is closed. request: the reader's own that has no answer yet, or
    None.
    """

    limit: Limit
    state: LimitState
    is_gone: bool = False
    request: LimitRequest | None = None

    @property
    def title(self) -> str:
        """Whose limit it is, in the active language."""
        if self.limit.scope == LimitScope.ORGANIZATION:
            return _("The whole organization")
        if self.limit.scope == LimitScope.TEAM:
            return _("Team %(name)s") % {"name": self.state.name}
        return self.state.name

    @property
    def about(self) -> str:
        """The feature that it is about, or that it is about all."""
        return self.state.feature_name or _("All features")

    @property
    def left(self) -> int:
        """What may still be used: never below zero."""
        return max(0, self.state.left)

    @property
    def over(self) -> int:
        """By how much more is used than allowed: the limit was lowered, a raise ended, or a settlement went beyond."""
        return max(0, self.state.used - self.state.credits)

    @property
    def is_raised(self) -> bool:
        until = self.limit.raised_until
        return until is not None and until > self.state.moment.now

    @property
    def is_near(self) -> bool:
        """Whether little is left: reservations count."""
        return (self.state.used + self.state.reserved) * 100 >= NEARLY_REACHED * self.state.credits

    @property
    def reserved_percent(self) -> int:
        """How much of it is reserved, as far as it fits beside what is used: the second part of the bar."""
        if not self.state.credits:
            return 0
        return min(REACHED - self.state.percent, self.state.reserved * 100 // self.state.credits)

    @property
    def is_own(self) -> bool:
        return self.limit.scope == LimitScope.USER

    @property
    def address(self) -> tuple[str, str]:
        """How addresses name it: whose, and for which feature."""
        whose = self.limit.team or self.limit.user
        feature = self.limit.feature
        return (
            "organization" if whose is None else whose.public_id,
            ALL_FEATURES if feature is None else feature.key,
        )

    @property
    def whose(self) -> str:
        return self.address[0]

    @property
    def feature(self) -> str:
        return self.address[1]


def limits_of(organization: Organization) -> QuerySet[Limit]:
    """All limits of an organization: its own first, then the teams', then the members', by name. A queryset."""
    limits = Limit.objects.filter(organization=organization).select_related("team", "user", "feature", "organization")
    # "organization", "team", "user" happen to stand in the order of the alphabet.
    return limits.order_by(
        "scope", "team__name", "user__name", "user__email", F("feature__position").asc(nulls_first=True)
    )


def find(organization: Organization, whose: str, feature: str) -> Limit | None:
    """Return the limit that an address names, or None."""
    if whose == "organization":
        of_whom = Q(scope=LimitScope.ORGANIZATION)
    else:
        of_whom = Q(team__public_id=whose) | Q(user__public_id=whose)
    about = Q(feature=None) if feature == ALL_FEATURES else Q(feature__key=feature)
    return limits_of(organization).filter(of_whom, about).first()


def positions(limits: Sequence[Limit], *, organization: Organization, now: datetime) -> list[LimitRow]:
    """Return limits of one organization with what is used, reserved and left at an instant, in two queries."""
    if not limits:
        return []
    read = rows.read(
        {organization.pk: Moment.at(now, ZoneInfo(organization.time_zone))},
        user_ids={limit.user_id for limit in limits if limit.user_id is not None},
        team_ids={limit.team_id for limit in limits if limit.team_id is not None},
        feature_ids={limit.feature_id for limit in limits if limit.feature_id is not None},
    )
    states = {state.id: state for state in read}
    users = [limit.user_id for limit in limits if limit.user_id is not None]
    memberships = Membership.objects.filter(organization=organization, user__in=users)
    members = set(memberships.values_list("user_id", flat=True))
    return [LimitRow(limit, states[limit.pk], _is_gone(limit, members)) for limit in limits if limit.pk in states]


def _is_gone(limit: Limit, members: set[int]) -> bool:
    if limit.team is not None:
        return limit.team.closed_at is not None
    return limit.user_id is not None and limit.user_id not in members


def own_limits(membership: Membership, *, now: datetime) -> list[LimitRow]:
    """Return every limit that covers what a member uses: the own ones first, then the team's, the organization's.

    A member may see the figures of the own ones (`is_own`), and of the others only whether they are nearly reached,
    since their figures show what colleagues used.
    """
    organization, user_id = membership.organization, membership.user_id
    covers = Q(scope=LimitScope.ORGANIZATION) | Q(user=user_id)
    if membership.team_id is not None:
        covers |= Q(team=membership.team_id)
    found = positions(list(limits_of(organization).filter(covers)), organization=organization, now=now)
    if not found:
        return []
    asked = LimitRequest.objects.filter(limit__organization=organization, user=user_id, state=RequestState.OPEN)
    open_requests = {request.limit_id: request for request in asked}
    own = [replace(row, request=open_requests.get(row.limit.pk)) for row in found]
    return sorted(own, key=lambda row: NARROWNESS[row.limit.scope])
