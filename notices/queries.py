"""What pages show of notices. Reads only."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from notices import texts, unsubscribing
from notices.models import Kind, Notice, Unsubscription
from notices.texts import Text
from organizations.models import Organization, User

# The dashboard is looked at in ten seconds: the newest few, then a link to the rest.
MOST_SHOWN = 3
# So many open ones are looked through for those that still tell something.
MOST_READ = 50

DANGER = {Kind.DEPLETED, Kind.RECHARGE_FAILED}
INFORMATION = {Kind.RESTORED, Kind.LIMIT_ANSWER}


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice with its words in the active language."""

    notice: Notice
    text: Text

    @property
    def tone(self) -> str:
        """How much it hurries, as components/notice.html takes it."""
        if self.notice.kind in DANGER:
            return "danger"
        return "" if self.notice.kind in INFORMATION else "warning"


def with_words(notices: Iterable[Notice], organization: Organization) -> list[Shown]:
    """Give an organization's notices their words."""
    shown = []
    for notice in notices:
        notice.organization = organization
        shown.append(Shown(notice, texts.text_of(notice)))
    return shown


def shown(organization: Organization, *, over: Collection[Kind] = (), now: datetime | None = None) -> list[Shown]:
    """The owners' notices for the dashboard, newest first, at most MOST_SHOWN: not put away, wanted there, not over.

    over: kinds that tell nothing any more, as the caller knows: the balance is not low again, say. One query.
    """
    today = (now or timezone.now()).astimezone(ZoneInfo(organization.time_zone))
    rows = Notice.objects.filter(organization=organization, user=None, put_away_at=None, is_shown=True)
    rows = rows.exclude(kind__in=over).order_by("-created_at", "-id")[:MOST_READ]
    return with_words([row for row in rows if not _is_over(row, today)][:MOST_SHOWN], organization)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A kind of mail that a person has stopped, and where to have it sent again."""

    label: str
    url: str


def stopped_by(organization: Organization, user: User) -> list[Stopped]:
    """The kinds that a person gets no mail of. One query."""
    rows = Unsubscription.objects.filter(organization=organization, user=user).order_by("kind")
    return [
        Stopped(
            row.get_kind_display(),
            unsubscribing.path_of(unsubscribing.token_for(user=user, organization=organization, kind=row.kind)),
        )
        for row in rows
    ]


def _is_over(notice: Notice, now: datetime) -> bool:
    """Whether time alone has made a notice idle: what it tells of has expired, its month has ended."""
    if notice.kind == Kind.EXPIRING:
        return datetime.fromisoformat(notice.details["expires_at"]) <= now
    if notice.kind == Kind.LIMIT:
        month = date.fromisoformat(notice.details["month_on"])
        return (month.year, month.month) < (now.year, now.month)
    return False
