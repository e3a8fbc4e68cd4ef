"""Giving notice: the row, and the mails that are owed because of it, in the transaction of the cause.

Delivery belongs in `delivery`, words in `texts`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from jobs.nudges import nudge_after_commit
from notices import tasks, texts
from notices.audit_actions import Action
from notices.models import ESSENTIAL, Kind, Notice, NoticeMail, NoticeRecipient, NoticeSetting, Unsubscription
from organizations import audit_events
from organizations.access import owners_of
from organizations.models import Organization, Role, User

# Of these the newest alone tells how things stand.
OF_THE_BALANCE = (Kind.LOW_BALANCE, Kind.DEPLETED, Kind.RESTORED)
# And of these the newest about the same thing.
SAME = {Kind.EXPIRING: ("grant",), Kind.LIMIT: ("limit_id",)}


def give_notice(
    *,
    organization: Organization,
    kind: Kind,
    key: str,
    details: dict[str, Any],
    now: datetime,
    user: User | None = None,
) -> Notice | None:
    """Give notice to an organization's owners, or to `user` alone; return it, or None where it was given before.

    Inside the caller's transaction, with the cause: both are there or neither. key: names the occasion within the
    organization, at most 200 characters; the same occasion is told once, whatever happens. details: what the words of
    `kind` need (`texts.NEEDS`), credits in smallest units. now: aware. Raises ValueError for details that lack some.
    """
    if not connection.in_atomic_block:
        message = "A notice is given in the transaction of its cause."
        raise RuntimeError(message)
    if lacking := texts.missing(kind, details):
        raise ValueError(f"The words of {kind} need {', '.join(sorted(lacking))}")
    setting = None if user is not None else NoticeSetting.objects.filter(organization=organization, kind=kind).first()
    notice = Notice(
        organization=organization,
        kind=kind,
        key=key,
        user=user,
        details=details,
        created_at=now,
        is_shown=setting is None or setting.on_dashboard,
    )
    # Two who find the same occasion: the second waits here for the first, and then finds that it is told.
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    if not Notice.objects.filter(pk=notice.pk).exists():
        return None
    if user is None:
        _put_away(_outdated_by(notice), by=None, now=now)
    if setting is None or setting.by_mail:
        _owe_mails(notice, now=now)
    return notice


def end_notices(
    *,
    organization: Organization,
    kinds: Collection[Kind],
    now: datetime,
    key: str = "",
    about: dict[str, Any] | None = None,
) -> int:
    """Put away the owners' notices of something that is over, so that the dashboard does not go on telling it; of one
    occasion alone where `key` is given, and of those alone whose details say all of `about`. Return how many. Twice is
    once. Within the caller's transaction, if any."""
    chosen = _open(organization, kinds).filter(details__contains=about or {})
    with transaction.atomic():
        return _put_away(chosen.filter(key=key) if key else chosen, by=None, now=now)


def visible_to(organization: Organization, user: User, role: str) -> Any:
    """The notices that a person may read, a queryset: an owner the organization's own, everyone what is for them."""
    mine = Notice.objects.filter(organization=organization, user=user)
    return mine | Notice.objects.filter(organization=organization, user=None) if role == Role.OWNER else mine


def put_away(notices: Any, *, actor: User, organization: Organization, now: datetime) -> int:
    """Put a queryset of an organization's notices away; return how many were not before. Twice is once."""
    with transaction.atomic():
        count = _put_away(notices.filter(put_away_at=None), by=actor, now=now)
        if count:
            details = {"notices": count}
            audit_events.record(
                action=Action.NOTICE_PUT_AWAY, organization=organization, actor=actor, details=details, now=now
            )
    return count


def _open(organization: Organization, kinds: Collection[Kind]) -> Any:
    return Notice.objects.filter(organization=organization, user=None, kind__in=kinds, put_away_at=None)


def _outdated_by(notice: Notice) -> Any:
    """The notices that a newer one says better."""
    kind = Kind(notice.kind)
    if kind in OF_THE_BALANCE:
        older = _open(notice.organization, OF_THE_BALANCE)
    elif kind in SAME:
        older = _open(notice.organization, [kind]).filter(details__contains={n: notice.details[n] for n in SAME[kind]})
    else:
        return Notice.objects.none()
    return older.exclude(pk=notice.pk)


def _put_away(notices: Any, *, by: User | None, now: datetime) -> int:
    # Whoever has one locked is putting it away: there is nothing to wait for, so a spend never waits for a click.
    free = notices.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)
    return Notice.objects.filter(pk__in=list(free)).update(put_away_at=now, put_away_by=by)


def _owe_mails(notice: Notice, *, now: datetime) -> None:
    owed = [NoticeMail(notice=notice, user=each, next_try_at=now) for each in _recipients(notice)]
    if owed:
        NoticeMail.objects.bulk_create(owed)
        nudge_after_commit(tasks.send_mails)


def _recipients(notice: Notice) -> list[User]:
    people = [notice.user] if notice.user is not None else _chosen(notice) or owners_of(notice.organization)
    if notice.kind in ESSENTIAL:
        return [each for each in people if each.is_active]
    unwanted = Unsubscription.objects.filter(organization=notice.organization, kind=notice.kind)
    left_out = set(unwanted.values_list("user_id", flat=True))
    return [each for each in people if each.is_active and each.pk not in left_out]


def _chosen(notice: Notice) -> list[User]:
    """Who was chosen and is still there; of requests, which members can't answer, only owners."""
    here = {"user__memberships__organization": notice.organization, "user__is_active": True}
    if notice.kind == Kind.LIMIT_REQUEST:
        here["user__memberships__role"] = Role.OWNER
    rows = NoticeRecipient.objects.filter(organization=notice.organization, **here).select_related("user")
    return [row.user for row in rows.order_by("user__email")]
