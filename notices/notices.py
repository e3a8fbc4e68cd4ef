"""Giving notice: the row, and the mails that are owed because of it, in the transaction of the cause.

Delivery belongs in `delivery`, words in `texts`.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from notices.models import Kind, MailState, Notice, NoticeMail, NoticeRecipient, NoticeSetting, Unsubscription
from organizations.access import owners_of
from organizations.models import Organization, User


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
    `kind` need (`texts`), credits in smallest units. now: aware.
    """
    if not connection.in_atomic_block:
        message = "A notice is given in the transaction of its cause."
        raise RuntimeError(message)
    setting = NoticeSetting.objects.filter(organization=organization, kind=kind).first()
    notice = Notice(
        organization=organization,
        kind=kind,
        key=key,
        user=user,
        details=details,
        created_at=now,
        is_shown=setting is None or setting.on_dashboard,
    )
    made = Notice.objects.bulk_create([notice], ignore_conflicts=True)[0]
    if not Notice.objects.filter(pk=made.pk).exists():
        return None
    if user is not None or setting is None or setting.by_mail:
        mails = [
            NoticeMail(notice=notice, user=each, state=MailState.PENDING, next_try_at=now)
            for each in _recipients(organization, kind, user)
        ]
        NoticeMail.objects.bulk_create(mails)
    return notice


def _recipients(organization: Organization, kind: Kind, user: User | None) -> list[User]:
    if user is not None:
        people = [user]
    else:
        chosen = NoticeRecipient.objects.filter(organization=organization).select_related("user")
        people = [row.user for row in chosen] or owners_of(organization)
    unwanted = set(
        Unsubscription.objects.filter(organization=organization, kind=kind).values_list("user_id", flat=True)
    )
    return [each for each in people if each.is_active and each.pk not in unwanted]
