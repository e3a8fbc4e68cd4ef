"""Writing notices: the row, and the emails that it causes, in the transaction of the cause.

What kinds there are is registered in `kinds`; delivery belongs in `delivery`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from jobs.nudges import nudge_after_commit
from notices import kinds, tasks
from notices.audit_actions import Action
from notices.kinds import Audience, Kind
from notices.models import Notice, NoticeMail, NoticeRecipient, NoticeSetting, Unsubscription
from organizations import audit_events
from organizations.access import owners_of
from organizations.models import Organization, Role, User


def give_notice(
    *,
    organization_id: int,
    kind: str,
    key: str,
    details: dict[str, Any],
    now: datetime,
    user: User | None = None,
) -> Notice | None:
    """Write a notice for an organization's owners, or for `user` alone; return it, or None where it exists already.

    Inside the caller's transaction, with the cause: both are there or neither. key: names the occasion within the
    organization, at most 200 characters; an occasion has one notice, whatever happens. details: what the words of the
    kind are made from, as JSON. now: aware. Raises UnknownKind; RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        message = "A notice is written in the transaction of its cause."
        raise RuntimeError(message)
    registered = kinds.get(kind)
    settings = NoticeSetting.objects.filter(organization=organization_id, kind=kind)
    setting = None if user is not None else settings.first()
    notice = Notice(
        organization_id=organization_id,
        kind=kind,
        key=key,
        user=user,
        details=details,
        created_at=now,
        is_shown=setting is None or setting.on_dashboard,
    )
    # Two that find the same occasion: the second waits here for the first, and then finds its notice.
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    if not Notice.objects.filter(pk=notice.pk).exists():
        return None
    if user is None:
        _dismiss(_superseded_by(notice, registered), by=None, now=now)
    if setting is None or setting.by_mail:
        _enqueue_mails(notice, registered, now=now)
    return notice


def withdraw(
    *,
    organization_id: int,
    names: Collection[str],
    now: datetime,
    key: str = "",
    about: dict[str, Any] | None = None,
) -> int:
    """Dismiss the owners' open notices of something that no longer applies; return how many.

    names: of their kinds. key: of that occasion alone. about: of those alone whose details hold all of it. A replay
    dismisses nothing. Within the caller's transaction, if any.
    """
    chosen = _open(organization_id, names).filter(details__contains=about or {})
    with transaction.atomic():
        return _dismiss(chosen.filter(key=key) if key else chosen, by=None, now=now)


def visible_to(organization: Organization, user: User, role: str) -> Any:
    """The notices that a person may read, a queryset: an owner the organization's own, everyone what is for them."""
    mine = Notice.objects.filter(organization=organization, user=user)
    return mine | Notice.objects.filter(organization=organization, user=None) if role == Role.OWNER else mine


def dismiss(notices: Any, *, actor: User, organization: Organization, now: datetime) -> int:
    """Dismiss a queryset of an organization's notices for everybody; return how many were open. Twice is once."""
    with transaction.atomic():
        count = _dismiss(notices.filter(dismissed_at=None), by=actor, now=now)
        if count:
            details = {"notices": count}
            audit_events.record(
                action=Action.NOTICE_DISMISSED, organization=organization, actor=actor, details=details, now=now
            )
    return count


def _open(organization_id: int, names: Collection[str]) -> Any:
    return Notice.objects.filter(organization=organization_id, user=None, kind__in=names, dismissed_at=None)


def _superseded_by(notice: Notice, kind: Kind) -> Any:
    """The open notices that a new one replaces."""
    if not kind.supersedes:
        return Notice.objects.none()
    same = {name: notice.details[name] for name in kind.same}
    return _open(notice.organization_id, kind.supersedes).filter(details__contains=same).exclude(pk=notice.pk)


def _dismiss(notices: Any, *, by: User | None, now: datetime) -> int:
    # Whoever has one locked is dismissing it: there is nothing to wait for, so a spend never waits for a click.
    free = notices.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)
    return Notice.objects.filter(pk__in=list(free)).update(dismissed_at=now, dismissed_by=by)


def _enqueue_mails(notice: Notice, kind: Kind, *, now: datetime) -> None:
    mails = [NoticeMail(notice=notice, user=each, next_try_at=now) for each in _recipients(notice, kind)]
    if mails:
        NoticeMail.objects.bulk_create(mails)
        nudge_after_commit(tasks.send_mails)


def _recipients(notice: Notice, kind: Kind) -> list[User]:
    if notice.user is not None:
        people = [notice.user]
    else:
        people = _chosen(notice.organization_id, kind) or owners_of(notice.organization_id)
    if kind.is_essential:
        return [each for each in people if each.is_active]
    unwanted = Unsubscription.objects.filter(organization=notice.organization_id, kind=kind.name)
    left_out = set(unwanted.values_list("user_id", flat=True))
    return [each for each in people if each.is_active and each.pk not in left_out]


def _chosen(organization_id: int, kind: Kind) -> list[User]:
    """Who was chosen to get the mails and is still a member."""
    here: dict[str, Any] = {"user__memberships__organization": organization_id, "user__is_active": True}
    if kind.audience == Audience.OWNERS_ONLY:
        here["user__memberships__role"] = Role.OWNER
    rows = NoticeRecipient.objects.filter(organization=organization_id, **here).select_related("user")
    return [row.user for row in rows.order_by("user__email")]
