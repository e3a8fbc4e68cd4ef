"""Where events are sent: endpoints made, changed, switched, and their secrets, each with an audit event.

A secret is handed out where it is made and nowhere else. Who may call a verb is decided in `access` and the admin; what
staff alone may do is refused here too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.members.membership import lock_organization
from organizations.models import Organization, User
from organizations.refusals import Refusal
from webhooks import signing
from webhooks.addresses import parse
from webhooks.audit_actions import Action
from webhooks.event_types import offered
from webhooks.models import WebhookEndpoint, WebhookSecret

MOST_ENDPOINTS = 20
# How long a replaced secret still signs beside the new one.
OVERLAP = timedelta(hours=24)
# Secrets that may sign at once: the header must stay short.
MOST_SECRETS = 5


class TooManyEndpoints(Refusal):
    """The organization has as many endpoints as it may have."""


class AddressTaken(Refusal):
    """Another endpoint has the address already."""


class StaffDecide(Refusal):
    """Only staff may do that: it reaches beyond one organization, or into the own network."""


class SecretReplaced(Refusal):
    """The secret is not the current one any more, or was replaced too often."""


def create_endpoint(
    *,
    organization: Organization | None,
    url: str,
    description: str = "",
    event_types: Sequence[str] = (),
    allows_private: bool = False,
    actor: User,
    reason: str = "",
    now: datetime | None = None,
) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint; return it with its secret, which can't be had again. Without organization: for all of them.

    event_types: which it gets; none given: all. Raises BadAddress, AddressTaken (also on the second of two calls),
    TooManyEndpoints, StaffDecide, OrganizationClosedError.
    """
    instant = now or timezone.now()
    if (organization is None or allows_private) and not actor.is_staff:
        raise StaffDecide(_("Only support can change this."))
    parse(url, allows_private=allows_private)
    with transaction.atomic():
        locked = lock_organization(organization) if organization else None
        if locked and locked.webhook_endpoints.count() >= MOST_ENDPOINTS:
            message = _("You already have %(count)s endpoints. Change one that you don't need.")
            raise TooManyEndpoints(message % {"count": MOST_ENDPOINTS})
        endpoint = WebhookEndpoint(
            organization=locked,
            url=url,
            description=description,
            event_types=_known(event_types),
            allows_private=allows_private,
            created_by=actor,
            created_at=instant,
        )
        _save(endpoint)
        secret = signing.new_secret()
        _keep_secret(endpoint, secret, instant)
        details = {"url": _told("url", url), "description": description, "event_types": endpoint.event_types}
        _record(Action.WEBHOOK_ENDPOINT_CREATED, endpoint, actor=actor, reason=reason, details=details, now=instant)
    return endpoint, secret


def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    url: str,
    description: str,
    event_types: Sequence[str],
    allows_private: bool | None = None,
    actor: User,
    reason: str = "",
    now: datetime | None = None,
) -> None:
    """Set what an endpoint is. allows_private: left out, it stays. Where it is set, only staff change the address.

    What did not change leaves no trace. Raises BadAddress, AddressTaken, StaffDecide.
    """
    instant = now or timezone.now()
    with transaction.atomic():
        locked = lock_endpoint(endpoint)
        private = locked.allows_private if allows_private is None else allows_private
        wanted = {
            "url": url,
            "description": description,
            "event_types": _known(event_types),
            "allows_private": private,
        }
        details = {
            name: {"from": _told(name, getattr(locked, name)), "to": _told(name, value)}
            for name, value in wanted.items()
            if getattr(locked, name) != value
        }
        if not details:
            return
        is_private = private or locked.allows_private
        if is_private and {"url", "allows_private"} & set(details) and not actor.is_staff:
            raise StaffDecide(_("Support allowed a private address for this endpoint. Contact support to change it."))
        parse(url, allows_private=private)
        for name, value in wanted.items():
            setattr(locked, name, value)
        _save(locked)
        _record(Action.WEBHOOK_ENDPOINT_CHANGED, locked, actor=actor, reason=reason, details=details, now=instant)


def disable_endpoint(*, endpoint: WebhookEndpoint, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Switch it off: events from now on are not for it, what it is owed waits. The second of two calls does nothing."""
    instant = now or timezone.now()
    with transaction.atomic():
        locked = lock_endpoint(endpoint)
        if locked.disabled_at is None:
            locked.disabled_at = instant
            locked.save(update_fields=["disabled_at"])
            _record(Action.WEBHOOK_ENDPOINT_DISABLED, locked, actor=actor, reason=reason, details={}, now=instant)


def enable_endpoint(*, endpoint: WebhookEndpoint, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Switch it on: it gets what waited, and events from now on. The second of two calls does nothing."""
    instant = now or timezone.now()
    with transaction.atomic():
        locked = lock_endpoint(endpoint)
        if locked.disabled_at is not None:
            locked.disabled_at, locked.is_gone, locked.failing_since = None, False, None
            locked.save(update_fields=["disabled_at", "is_gone", "failing_since"])
            _record(Action.WEBHOOK_ENDPOINT_ENABLED, locked, actor=actor, reason=reason, details={}, now=instant)


def rotate_secret(
    *, endpoint: WebhookEndpoint, replaces: int, actor: User, reason: str = "", now: datetime | None = None
) -> str:
    """Make a new secret and return it, this once. The one before signs too for 24 hours more.

    replaces: the id of the secret that is current. Raises SecretReplaced if it is not (the second of two calls), or
    where five sign already.
    """
    instant = now or timezone.now()
    with transaction.atomic():
        locked = lock_endpoint(endpoint)
        if not locked.secrets.filter(pk=replaces, signs_until=None).exists():
            raise SecretReplaced(
                _("The secret was replaced a moment ago. If you did not copy the new one, replace it again.")
            )
        if locked.secrets.filter(signs_until__gt=instant).count() + 1 >= MOST_SECRETS:
            raise SecretReplaced(_("The secret was replaced too often today. Try again tomorrow."))
        secret = signing.new_secret()
        locked.secrets.filter(signs_until__lte=instant).delete()
        locked.secrets.filter(signs_until=None).update(signs_until=instant + OVERLAP)
        _keep_secret(locked, secret, instant)
        _record(Action.WEBHOOK_ENDPOINT_SECRET_ROTATED, locked, actor=actor, reason=reason, details={}, now=instant)
    return secret


def lock_endpoint(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Lock its row until the transaction ends, and return it as it is now. Deliveries can be added meanwhile."""
    rows = WebhookEndpoint.objects.select_related("organization")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=endpoint.pk)


def _save(endpoint: WebhookEndpoint) -> None:
    try:
        with transaction.atomic():
            endpoint.save()
    except IntegrityError as error:
        if "webhook_endpoint_has_its_address_alone" not in str(error):
            raise
        raise AddressTaken(_("An endpoint with this URL already exists.")) from error


def _known(event_types: Sequence[str]) -> list[str]:
    """In the order of the documentation; what can't be chosen is left out."""
    return [each.name for each in offered() if each.name in event_types]


def _told(name: str, value: Any) -> Any:
    """What an audit event says of it: of an address the host alone, since the rest may hold a token."""
    return urlsplit(value).netloc if name == "url" else value


def _keep_secret(endpoint: WebhookEndpoint, secret: str, now: datetime) -> None:
    WebhookSecret.objects.create(endpoint=endpoint, sealed=signing.seal(secret), created_at=now)


def _record(
    action: Action, endpoint: WebhookEndpoint, *, actor: User, reason: str, details: dict[str, Any], now: datetime
) -> None:
    audit_events.record(
        action=action,
        organization=endpoint.organization,
        actor=actor,
        target=endpoint.public_id,
        reason=reason,
        details=details,
        now=now,
    )
