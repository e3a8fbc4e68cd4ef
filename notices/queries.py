"""What pages show of notices. Reads only."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from notices import kinds, unsubscribing
from notices.kinds import Text, Tone
from notices.models import Notice, Unsubscription
from organizations.models import Organization, User

logger = logging.getLogger(__name__)

# The dashboard is read in ten seconds: the newest few, then a link to the rest.
MOST_SHOWN = 3
# So many open ones are read to find those that still apply.
MOST_READ = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice with its words in the active language."""

    notice: Notice
    text: Text

    @property
    def tone(self) -> str:
        """How urgent it is, as components/notice.html takes it."""
        kind = kinds.find(self.notice.kind)
        return Tone.INFORMATION.value if kind is None else kind.tone.value


def with_words(notices: Iterable[Notice], organization: Organization) -> list[Shown]:
    """Give an organization's notices their words."""
    shown = []
    for notice in notices:
        notice.organization = organization
        shown.append(Shown(notice, _text_of(notice)))
    return shown


def shown(organization: Organization, *, over: Collection[str] = (), now: datetime | None = None) -> list[Shown]:
    """The owners' notices for the dashboard, newest first, at most MOST_SHOWN: open, wanted there, not over.

    over: names of kinds that no longer apply, as the caller knows: the balance is not low any longer, say. One query.
    """
    instant = now or timezone.now()
    rows = Notice.objects.filter(organization=organization, user=None, dismissed_at=None, is_shown=True)
    rows = rows.exclude(kind__in=over).order_by("-created_at", "-id")[:MOST_READ]
    current = []
    for row in rows:
        row.organization = organization
        if not _is_over(row, instant):
            current.append(row)
    return with_words(current[:MOST_SHOWN], organization)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A kind of mail that a person unsubscribed from, and where to subscribe again."""

    label: str
    url: str


def stopped_by(organization: Organization, user: User) -> list[Stopped]:
    """The kinds whose mails a person unsubscribed from. One query."""
    rows = Unsubscription.objects.filter(organization=organization, user=user).order_by("kind")
    return [
        Stopped(
            kinds.label_of(row.kind),
            unsubscribing.path_of(unsubscribing.token_for(user=user, organization=organization, kind=row.kind)),
        )
        for row in rows
    ]


def _text_of(notice: Notice) -> Text:
    try:
        return kinds.text_of(notice)
    except kinds.Unreadable:
        # A page with many notices must not fail for one that an older or newer version wrote.
        logger.exception("The notice %s can't be put into words", notice.pk)
        here = reverse("notices", args=[notice.organization.slug])
        return Text(kinds.label_of(notice.kind), [], _("All notices"), here)


def _is_over(notice: Notice, now: datetime) -> bool:
    """Whether time alone has made a notice obsolete. What can't be read is left to the list of notices."""
    try:
        ends_at = kinds.ends_at(notice)
    except kinds.Unreadable:
        return True
    return ends_at is not None and ends_at <= now
