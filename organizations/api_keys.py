"""API keys: created, shown once, recognized by their hash, revoked. The key itself is never stored or logged."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.audit_actions import Action
from organizations.members.membership import lock_organization
from organizations.models import ApiKey, Organization, Scope, User
from organizations.public_ids import ALPHABET
from organizations.refusals import Refusal

PREFIX = "dd_"
SECRET_LENGTH = 32  # of 32 letters and digits: 160 random bits
HINT_LENGTH = 7

FIND_KEYS = """
    SELECT k.key_hash, k.id, k.public_id, k.name, k.organization_id, k.scope
    FROM organizations_apikey k LEFT JOIN organizations_organization o ON o.id = k.organization_id
    WHERE k.key_hash = ANY(%s) AND k.revoked_at IS NULL AND o.closed_at IS NULL
"""
# At most one write per key and minute. SKIP LOCKED: another request is writing the same.
NOTE_USE = """
    UPDATE organizations_apikey SET last_used_at = %(now)s WHERE id IN (
        SELECT id FROM organizations_apikey
        WHERE id = ANY(%(ids)s) AND (last_used_at IS NULL OR last_used_at <= %(now)s - interval '1 minute')
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
"""


class KeyNameTakenError(Refusal):
    """A valid key has this name already."""


class KeyRevokedError(Refusal):
    """The key is revoked already."""


@dataclass(frozen=True, slots=True)
class AuthenticatedKey:
    """A valid key, as the API uses it. One without an organization is a product server's: it may act for any."""

    id: int
    public_id: str
    name: str
    organization_id: int | None
    scope: str

    @property
    def may_spend(self) -> bool:
        """Every key may read; only keys with this scope may spend."""
        return self.scope == Scope.SPEND


def create_key(
    *,
    organization: Organization | None,
    name: str,
    scope: str,
    created_by: User,
    reason: str = "",
    now: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return it with its text, which isn't stored. organization: None for a product server's key.

    Raises OrganizationClosedError, and KeyNameTakenError (also on the second of two calls).
    """
    now = now or timezone.now()
    text = PREFIX + "".join(secrets.choice(ALPHABET) for _position in range(SECRET_LENGTH))
    with transaction.atomic():
        locked = lock_organization(organization) if organization else None
        if ApiKey.objects.filter(organization=locked, name__iexact=name, revoked_at=None).exists():
            raise KeyNameTakenError(_taken(name))
        key = ApiKey.objects.create(
            organization=locked,
            name=name,
            scope=scope,
            key_hash=_hash(text),
            hint=text[:HINT_LENGTH],
            created_by=created_by,
            created_at=now,
        )
        _record(Action.API_KEY_CREATED, key, created_by, reason, now)
    return key, text


def revoke_key(*, key: ApiKey, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Revoke a key from the next request on. Raises KeyRevokedError on the second of two calls."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
        if locked.revoked_at is not None:
            raise KeyRevokedError(_("The key %(name)s is already revoked.") % {"name": key.name})
        locked.revoked_at = now
        locked.save(update_fields=["revoked_at"])
        _record(Action.API_KEY_REVOKED, locked, actor, reason, now)


def authenticate_many(tokens: Sequence[str]) -> dict[str, AuthenticatedKey]:
    """Return the valid keys by their texts, in one query. A text that is missing from the result is not valid."""
    by_hash = {_hash(token): token for token in tokens if token.startswith(PREFIX)}
    if not by_hash:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(FIND_KEYS, [list(by_hash)])
        return {by_hash[key_hash]: AuthenticatedKey(*columns) for key_hash, *columns in cursor.fetchall()}


def authenticate(token: str) -> AuthenticatedKey | None:
    """Return one key by its text; None if it is not valid."""
    return authenticate_many([token]).get(token)


def note_use(key_ids: Collection[int], now: datetime) -> None:
    """Record to the minute when keys were last used. Never waits for another transaction; repeating does no harm."""
    if key_ids:
        with connection.cursor() as cursor:
            cursor.execute(NOTE_USE, {"ids": list(key_ids), "now": now})


def _hash(text: str) -> str:
    # surrogatepass: a broken header can hold lone surrogates, and is hashed like any other.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _taken(name: str) -> str:
    return _("A key named %(name)s already exists. Choose another name, or revoke that key first.") % {"name": name}


def _record(action: Action, key: ApiKey, actor: User, reason: str, now: datetime) -> None:
    audit_events.record(
        action=action,
        organization=key.organization,
        actor=actor,
        target=key.public_id,
        reason=reason,
        details={"name": key.name, "scope": key.scope, "hint": key.hint},
        now=now,
    )
