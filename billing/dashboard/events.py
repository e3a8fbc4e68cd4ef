"""What the forecast declares: that credits will expire unused, with the words of its notice."""

from datetime import UTC, datetime
from typing import Annotated

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Meta

from credits.models import Source
from domain_events.declarations import Credits, Decimals, DomainEvent, NoticeDeclaration, Payload, Slug, Unit, Words
from domain_events.writer import Writer


class GrantExpiring(Payload, frozen=True, kw_only=True):
    """A grant of which credits will expire unused at the current rate."""

    organization: Slug
    grant: Annotated[str, Meta(description="The grant's id.")]
    source: Annotated[str, Meta(description="Where its credits came from, such as `card` or `plan`.")]
    credits: Annotated[int, Meta(description="What will expire unused at the current rate, in smallest units.")]
    remaining: Credits
    expires_at: Annotated[datetime, Meta(tz=True, description="When what remains expires.")]
    days: Annotated[int, Meta(description="So many days before its end, at most.")]
    unit: Unit
    decimals: Decimals


def words(expiring: GrantExpiring, writer: Writer) -> Words:
    """What will expire, when, and what of it will be lost."""
    facts = {
        "remaining": writer.credits(expiring.remaining, expiring),
        "source": capfirst(str(dict(Source.choices).get(expiring.source, expiring.source))),
        "instant": writer.instant(expiring.expires_at),
        "lost": writer.credits(expiring.credits, expiring),
    }
    return Words(
        title=_("Credits expire on %(day)s") % {"day": writer.day(expiring.expires_at)},
        sentences=[
            _("%(remaining)s will expire on %(instant)s. Source: %(source)s.") % facts,
            _("At your current rate, %(lost)s will expire unused.") % facts,
        ],
        link_text=_("Go to dashboard"),
        page="dashboard",
    )


GRANT_EXPIRING = DomainEvent(
    name="grant.expiring",
    payload=GrantExpiring,
    description="Credits will expire unused at the current rate. Once 14 days before a grant's end, and once 3 days.",
    sample=GrantExpiring(
        organization="acme",
        grant="grt_01980000000070008000000000000000",
        source="card",
        credits=120,
        remaining=4_000,
        expires_at=datetime(2026, 3, 24, 15, tzinfo=UTC),
        days=14,
        unit="credits",
        decimals=0,
    ),
    notice=NoticeDeclaration(
        label=gettext_lazy("Credits expiring"),
        words=words,
        supersedes=("grant.expiring",),
        same=("grant",),
        ends_at=lambda expiring, _zone: expiring.expires_at,
    ),
)
