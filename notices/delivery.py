"""Sending what is owed: at least once, and shown once, since every try is the same message (`mails`).

Mails are claimed, sent and put off as `jobs.outbox` says; the claim moves a mail's next try. A server that can't be
reached costs no mail a try. What is no longer wanted, or has nowhere to go, is not sent.
"""

import logging
import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.core.mail import get_connection
from django.db.models import QuerySet
from django.utils import timezone

from jobs.outbox import Claim, claim_one, wait_after, within
from notices import addresses, kinds, mails
from notices.models import MailState, NoticeMail, Unsubscription
from organizations.accounts.people import verified_addresses
from organizations.models import Membership

logger = logging.getLogger(__name__)

# How long a claimed mail is left to whoever claimed it: longer than any job of the schedule may send.
CLAIMED_FOR = timedelta(seconds=45)
# After each try that failed. The last one fails about three days after the first.
BACK_OFF = [
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=15),
    timedelta(hours=24),
    timedelta(hours=24),
]
# No mail is begun after so long: a job has 30 seconds, and a server is waited for up to EMAIL_TIMEOUT.
SECONDS = 15
LONGEST_ERROR = 300


class MailServerDown(Exception):
    """The mail server could not be reached; nothing was tried, everything stays due."""


class _Refused(Exception):
    """The mail server will never take a mail for this address."""


def send_due(*, now: datetime | None = None) -> Counter[str]:
    """Send the mails whose turn it is; return how many were sent, put_off, left_out and given_up.

    Any number of senders may do so at once. Outside any transaction. now: for tests. Raises MailServerDown.
    """
    did: Counter[str] = Counter()
    if not _due(now or timezone.now()).exists():
        return did
    with _post_office() as office:
        for claim in within(SECONDS, iter(lambda: _claim_next(office, now or timezone.now()), None)):
            did[_deliver(claim, office, now or timezone.now())] += 1
    return did


def send_again(mail: NoticeMail, *, now: datetime) -> bool:
    """Begin anew with a mail that was given up; return whether it was. The caller nudges and records who asked."""
    given_up = NoticeMail.objects.filter(pk=mail.pk, state=MailState.FAILED)
    return bool(given_up.update(state=MailState.PENDING, attempts=0, next_try_at=now, error=""))


def _due(now: datetime) -> QuerySet[NoticeMail]:
    return NoticeMail.objects.filter(state=MailState.PENDING, next_try_at__lte=now)


def _claim_next(office: Any, now: datetime) -> Claim[NoticeMail] | None:
    """Claim the mail that is due first, once the server can be reached."""
    _open(office)
    due = _due(now).select_related("user", "notice__organization", "notice__user").order_by("next_try_at")
    return claim_one(due, next_try_at=now + CLAIMED_FOR)


@contextmanager
def _post_office() -> Iterator[Any]:
    """One connection to the mail server for all mails of a run."""
    office = get_connection()
    try:
        yield office
    finally:
        _hang_up(office)


def _open(office: Any) -> None:
    """Connect, unless that is done. Before a mail is claimed: a server that is down costs none a try."""
    try:
        office.open()
    except OSError as error:  # everything that smtplib raises is one
        raise MailServerDown(f"{type(error).__name__}: {error}") from error


def _hang_up(office: Any) -> None:
    with suppress(OSError):
        office.close()


def _deliver(claim: Claim[NoticeMail], office: Any, now: datetime) -> str:
    """Send one mail, outside any transaction, and write down what became of it; return that in a word."""
    mail = claim.row
    obstacle = _obstacle(mail)
    if obstacle:
        return _close(claim, MailState.SKIPPED, error=obstacle)
    if addresses.refused_among([mail.user.email]).exists():
        return _close(claim, MailState.FAILED, error="The address was refused before.")
    try:
        _send(mail, office)
    except _Refused as refusal:
        addresses.refuse(mail.user.email, reason=str(refusal), now=now)
        return _close(claim, MailState.FAILED, error=str(refusal))
    except Exception as error:  # one bad mail must not keep the others back
        logger.warning("The mail %s did not leave: %s", mail.pk, type(error).__name__)
        return _put_off(claim, error, now=now)
    return _close(claim, MailState.SENT, sent_at=now)


def _obstacle(mail: NoticeMail) -> str:
    """Why a mail is not to be sent any more, or nothing."""
    user, organization, kind = mail.user, mail.notice.organization, mail.notice.kind
    if not user.is_active or organization.closed_at is not None:
        return "The account or the organization is closed."
    if not Membership.objects.filter(user=user, organization=organization).exists():
        return "No longer a member."
    unwanted = Unsubscription.objects.filter(user=user, organization=organization, kind=kind)
    if not kinds.is_essential(kind) and unwanted.exists():
        return "Unsubscribed."
    if user.email not in verified_addresses(user):
        return "The address is not confirmed."
    return ""


def _send(mail: NoticeMail, office: Any) -> None:
    """Hand the mail over. Raises _Refused where it is the address that the server will never take."""
    message = mails.message_for(mail)
    try:
        office.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        answers = list(error.recipients.values())
        if answers and all(_is_final(code, said) for code, said in answers):
            raise _Refused(_said(*answers[0])) from error
        raise
    except Exception:
        # Nobody knows what the server waits for now: the next mail gets a connection of its own.
        _hang_up(office)
        raise


def _is_final(code: int, said: bytes | str) -> bool:
    """Whether an answer means that there is no such mailbox. 5.7.x and 530 are about us: a policy, a missing login."""
    return 500 <= code < 600 and code != 530 and not _said(code, said).startswith(f"{code} 5.7.")


def _said(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".replace("\0", "").split())[:LONGEST_ERROR]


def _put_off(claim: Claim[NoticeMail], error: Exception, *, now: datetime) -> str:
    message = " ".join(f"{type(error).__name__}: {error}".replace("\0", "").split())[:LONGEST_ERROR]
    wait = wait_after(claim.attempt, BACK_OFF)
    if wait is None:
        return _close(claim, MailState.FAILED, error=message)
    claim.write(next_try_at=now + wait, error=message)
    return "put_off"


_WORDS = {MailState.SENT: "sent", MailState.SKIPPED: "left_out", MailState.FAILED: "given_up"}


def _close(claim: Claim[NoticeMail], state: MailState, *, error: str = "", sent_at: datetime | None = None) -> str:
    claim.write(state=state, error=error, sent_at=sent_at)
    return _WORDS[state]
