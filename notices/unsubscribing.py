"""Unsubscribing from a kind of mail in one click: the token in a mail's header and footer, and what it does.

The token is signed and bound to a person, an organization and a kind. It is the proof: whoever has the mail may use it
without signing in, as RFC 8058 asks. It never expires, and can only switch these mails off and on again.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from notices import kinds
from notices.audit_actions import Action
from notices.kinds import Kind
from notices.models import Unsubscription
from organizations import audit_events
from organizations.models import Organization, User

_SIGNER = "notices.unsubscribing"


class UnknownToken(Exception):
    """Not a token of ours, or of something that is gone."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a token stands for."""

    user: User
    organization: Organization
    kind: Kind

    @property
    def is_on(self) -> bool:
        """Whether such mails are sent. One query."""
        return not self.rows().exists()

    def rows(self) -> QuerySet[Unsubscription]:
        return Unsubscription.objects.filter(user=self.user, organization=self.organization, kind=self.kind.name)


def token_for(*, user: User, organization: Organization, kind: str) -> str:
    """The token: always the same one, so that the second copy of a mail is the same mail."""
    return signing.Signer(salt=_SIGNER).sign_object([user.public_id, organization.slug, kind])


def path_of(token: str) -> str:
    """The page's address on this site."""
    return reverse("unsubscribe", args=[token])


def address_of(token: str) -> str:
    """The page's whole address, built from the setting: a forged Host header must not get into a mail."""
    return str(settings.BASE_URL.rstrip("/")) + path_of(token)


def read(token: str) -> Subscription:
    """Return what a token stands for. Raises UnknownToken."""
    try:
        public_id, slug, kind = signing.Signer(salt=_SIGNER).unsign_object(token)
        user = User.objects.get(public_id=public_id)
        organization = Organization.objects.get(slug=slug)
        return Subscription(user, organization, kinds.get(kind))
    except (signing.BadSignature, ValueError, LookupError, User.DoesNotExist, Organization.DoesNotExist) as error:
        raise UnknownToken from error


def switch(subscription: Subscription, *, on: bool, now: datetime) -> bool:
    """Stop the mails, or send them again; return whether that changed anything. Twice is once."""
    user, organization, kind = subscription.user, subscription.organization, subscription.kind.name
    with transaction.atomic():
        if on:
            changed = subscription.rows().delete()[0] > 0
        else:
            row = Unsubscription(user=user, organization=organization, kind=kind, created_at=now)
            Unsubscription.objects.bulk_create([row], ignore_conflicts=True)
            changed = subscription.rows().filter(created_at=now).exists()
        if changed:
            audit_events.record(
                action=Action.NOTICES_SUBSCRIBED if on else Action.NOTICES_UNSUBSCRIBED,
                organization=organization,
                actor=user,
                target=user.public_id,
                details={"kind": kind},
                now=now,
            )
    return changed
