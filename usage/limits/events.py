"""What limits declare: thresholds reached, requests for more and their answers, with the words of their notices."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Meta

from domain_events.declarations import Credits, Decimals, DomainEvent, NoticeDeclaration, Payload, Slug, Unit, Words
from domain_events.writer import Writer
from notices.kinds import Audience, Tone
from organizations.calendar import midnight
from usage.limits.state import REACHED

Scope = Annotated[Literal["organization", "team", "user"], Meta(description="Whose limit it is.")]
Name = Annotated[str, Meta(description="The team's or the person's name.")]
Feature = Annotated[str, Meta(description="The feature that it is for; empty: for all of them.")]


class LimitReached(Payload, frozen=True, kw_only=True):
    """A monthly limit that is used up."""

    organization: Slug
    scope: Scope
    name: Name
    feature: Feature
    limit: Credits
    used: Credits
    month_on: Annotated[date, Meta(description="The first day of the month, by the organization's clocks.")]


class LimitThreshold(LimitReached, frozen=True, kw_only=True):
    """A monthly limit of which so much is used as people want to know of."""

    limit_id: int
    percent: Annotated[int, Meta(description="The threshold, in per cent; 100: the limit is reached.")]
    feature_name: str
    unit: Unit
    decimals: Decimals


class LimitRequested(Payload, frozen=True, kw_only=True):
    """What a member wants more of."""

    request: str
    member: str
    scope: Scope
    name: Name
    feature_name: str
    limit: Credits
    used: Credits
    asked: Annotated[int | None, Meta(description="A month, in smallest units; null: no amount given.")]
    message: str
    unit: Unit
    decimals: Decimals


class LimitAnswered(Payload, frozen=True, kw_only=True):
    """What an owner decided."""

    granted: bool
    credits: Annotated[int | None, Meta(description="Allowed a month, in smallest units; null: there is no limit now.")]
    until: datetime | None
    scope: Scope
    name: Name
    feature_name: str
    answered_by: str
    answer: str
    unit: Unit
    decimals: Decimals


OfALimit = LimitThreshold | LimitRequested | LimitAnswered


def threshold_words(reached: LimitThreshold, writer: Writer) -> Words:
    """Which limit, how much of it is used, and what it stops."""
    is_reached = reached.percent >= REACHED
    title = _("Monthly limit reached") if is_reached else _("%(percent)s%% of a monthly limit used")
    facts = {
        "used": writer.credits(reached.used, reached),
        "limit": writer.credits(reached.limit, reached),
        "day": writer.day(reached.month_on),
    }
    return Words(
        title=title % {"percent": reached.percent},
        sentences=[
            *_whose(reached, writer),
            _("Used since %(day)s: %(used)s of %(limit)s") % facts,
            _what_it_stops(reached, writer) if is_reached else "",
        ],
        link_text=_("View your usage") if writer.is_to_one_person else _("View limits"),
        page="my_usage" if writer.is_to_one_person else "limits",
    )


def _what_it_stops(reached: LimitThreshold, writer: Writer) -> str:
    """A limit is reached, too, once a request needed more than what is left."""
    left = reached.limit - reached.used
    if left <= 0:
        return _("Requests under this limit are declined until the month ends or the limit is raised.")
    return _("Requests that need more than the remaining %(left)s are declined.") % {
        "left": writer.credits(left, reached)
    }


def requested_words(requested: LimitRequested, writer: Writer) -> Words:
    """Which limit, how much of it is used, and what the member wants."""
    if requested.asked is None:
        wanted = _("Requested: an increase, no amount given")
    else:
        wanted = _("Requested: %(asked)s a month") % {"asked": writer.credits(requested.asked, requested)}
    used, limit = writer.credits(requested.used, requested), writer.credits(requested.limit, requested)
    return Words(
        title=_("%(member)s requested a higher limit") % {"member": writer.line(requested.member)},
        sentences=[
            *_whose(requested, writer),
            _("Used this month: %(used)s of %(limit)s") % {"used": used, "limit": limit},
            wanted,
            writer.quoted(requested.message),
        ],
        link_text=_("Answer request"),
        page="limit_request",
        arguments=(requested.request,),
    )


def answered_words(answered: LimitAnswered, writer: Writer) -> Words:
    """What was decided, by whom, and until when."""
    title = _("Your limit request was granted") if answered.granted else _("Your limit request was declined")
    return Words(
        title=title,
        sentences=[*_whose(answered, writer), *_decision(answered, writer)],
        link_text=_("View your usage"),
        page="my_usage",
    )


def _decision(answered: LimitAnswered, writer: Writer) -> list[str]:
    person = writer.line(answered.answered_by)
    if not answered.granted:
        kept = _("%(person)s kept the limit unchanged.") % {"person": person}
        return [kept, writer.quoted(answered.answer)]
    if answered.credits is None:
        return [_("%(person)s removed the limit.") % {"person": person}]
    credits = writer.credits(answered.credits, answered)
    raised = _("%(person)s raised the limit to %(credits)s a month.") % {"person": person, "credits": credits}
    if answered.until is None:
        return [raised]
    return [raised, _("The increase ends on %(instant)s.") % {"instant": writer.instant(answered.until)}]


def _whose(about: OfALimit, writer: Writer) -> list[str]:
    """Whose limit it is, and of which feature."""
    name = writer.line(about.name)
    if about.scope == "organization":
        whose = _("Limit: whole organization")
    elif about.scope == "team":
        whose = _("Limit: team %(name)s") % {"name": name}
    elif writer.is_to_one_person:
        whose = _("Limit: your own")
    else:
        whose = _("Limit: %(name)s") % {"name": name}
    feature = writer.line(about.feature_name)
    return [whose, _("Feature: %(feature)s") % {"feature": feature} if feature else ""]


def _next_month(reached: LimitThreshold, zone: ZoneInfo) -> datetime:
    return midnight((reached.month_on + timedelta(days=31)).replace(day=1), zone)


LIMIT_THRESHOLD = DomainEvent(
    name="limit.threshold",
    payload=LimitThreshold,
    description="A threshold of a monthly limit was reached, 100 % included. Once for each limit, month and amount.",
    sample=LimitThreshold(
        organization="acme",
        scope="user",
        name="Bob",
        feature="",
        limit=1_000,
        used=900,
        month_on=date(2026, 3, 1),
        limit_id=1,
        percent=90,
        feature_name="",
        unit="credits",
        decimals=0,
    ),
    notice=NoticeDeclaration(
        label=gettext_lazy("Limit threshold reached"),
        words=threshold_words,
        audience=Audience.OWNERS_AND_PERSON,
        supersedes=("limit.threshold",),
        same=("limit_id",),
        ends_at=_next_month,
    ),
)

LIMIT_REACHED = DomainEvent(
    name="limit.reached",
    payload=LimitReached,
    description="A monthly limit is used up: requests under it are declined until the next month.",
    sample=LimitReached(
        organization="acme",
        scope="team",
        name="Research",
        feature="report",
        limit=1_000,
        used=1_000,
        month_on=date(2026, 3, 1),
    ),
    is_webhook=True,
)

LIMIT_REQUESTED = DomainEvent(
    name="limit.requested",
    payload=LimitRequested,
    description="A member requested a higher limit.",
    sample=LimitRequested(
        request="lrq_1",
        member="Bob",
        scope="user",
        name="Bob",
        feature_name="",
        limit=1_000,
        used=900,
        asked=2_000,
        message="The report is due.",
        unit="credits",
        decimals=0,
    ),
    notice=NoticeDeclaration(
        label=gettext_lazy("Member requests a higher limit"),
        words=requested_words,
        audience=Audience.OWNERS_ONLY,
        is_essential=True,
    ),
)

LIMIT_ANSWERED = DomainEvent(
    name="limit.answered",
    payload=LimitAnswered,
    description="An owner answered a member's request for a higher limit.",
    sample=LimitAnswered(
        granted=True,
        credits=2_000,
        until=datetime(2026, 3, 31, 15, tzinfo=UTC),
        scope="user",
        name="Bob",
        feature_name="",
        answered_by="Alice",
        answer="",
        unit="credits",
        decimals=0,
    ),
    notice=NoticeDeclaration(
        label=gettext_lazy("Answer to a limit request"),
        words=answered_words,
        audience=Audience.PERSON,
        tone=Tone.INFORMATION,
        is_essential=True,
    ),
)

EVENTS = (LIMIT_THRESHOLD, LIMIT_REACHED, LIMIT_REQUESTED, LIMIT_ANSWERED)
