"""The settings of auto-recharge: owners consent, turn it off and restart it; staff pause and resume it.

Every change is made under the wallet's lock, so that none falls between an attempt's decision and its row, and leaves
an audit event. What is bought belongs in `rules`; nothing is charged here.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from billing.audit_actions import Action
from billing.models import AutoRecharge, PauseReason, PaymentMethod, RechargeAttempt
from billing.recharge.events import RECHARGE_FAILED
from billing.recharge.rules import Rule, consent_text, default_method, rule_of
from credits import ledger
from credits.models import Wallet
from domain_events.publishing import withdraw
from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal


class ConsentOutdated(Refusal):
    """The text that the owner agreed to is no longer the current one."""


class MethodMissing(Refusal):
    """There is nothing to charge."""


class PausedByStaff(Refusal):
    """Staff paused it; only staff can resume it."""


def digest(text: str) -> str:
    """Return the digest by which a form names the text that it shows."""
    return hashlib.sha256(text.encode()).hexdigest()


def rule_row(organization: Organization) -> AutoRecharge | None:
    """Return the organization's rule, on or off; None if no owner ever agreed to one."""
    return AutoRecharge.objects.select_related("pack").filter(organization=organization).first()


@contextmanager
def _under_lock(organization: Organization, now: datetime | None) -> Iterator[tuple[ledger.Book, int, datetime]]:
    wallet_id = Wallet.objects.values_list("pk", flat=True).get(organization=organization)
    with transaction.atomic(), ledger.open_book(keys=[(wallet_id, "")], now=now) as book:
        yield book, wallet_id, book.wallet(wallet_id).now


def _locked(organization: Organization) -> AutoRecharge | None:
    rows = AutoRecharge.objects.select_for_update(no_key=True, of=("self",)).select_related("pack")
    return rows.filter(organization=organization).first()


def turn_on(
    *, organization: Organization, rule: Rule, shown: str, actor: User, now: datetime | None = None
) -> AutoRecharge:
    """Store the rule that an owner consents to, with the text that was shown, without failures or pause.

    shown: the digest of that text. Consenting again to a rule that is on and not paused changes nothing; a pause by
    staff stays. Raises ConsentOutdated, MethodMissing; then nothing was written.
    """
    text = consent_text(organization, rule)
    if digest(text) != shown:
        raise ConsentOutdated(_("The terms have changed since you opened this page. Read them again."))
    if default_method(organization) is None:
        raise MethodMissing(_("Add a payment method first."))
    with _under_lock(organization, now) as (book, wallet_id, instant):
        row = _locked(organization)
        if row is not None and row.is_on and row.paused_at is None and rule_of(row) == rule:
            return row
        is_paused_by_staff = row is not None and row.pause_reason == PauseReason.STAFF
        row = row or AutoRecharge(organization=organization)
        row.is_on, row.pack, row.lot_minor = True, rule.pack, rule.lot_minor
        row.threshold, row.monthly_limit_minor, row.currency = rule.threshold, rule.monthly_limit_minor, rule.currency
        row.consented_by, row.consented_at, row.consent_text = actor, instant, text
        if not is_paused_by_staff:
            _reset(row)
        row.save()
        _watch(book, wallet_id, row)
        _withdraw_notices(row, now=instant)
        details = {
            "pack": rule.pack.key,
            "lot_minor": rule.lot_minor,
            "threshold": rule.threshold,
            "monthly_limit_minor": rule.monthly_limit_minor,
            "currency": rule.currency,
            "consent": text,
        }
        _record(Action.AUTO_RECHARGE_TURNED_ON, row, actor=actor, now=instant, details=details)
    return row


def turn_off(*, organization: Organization, actor: User, now: datetime | None = None) -> None:
    """Turn auto-recharge off. An open attempt is still settled: money taken becomes credits. Again: nothing."""
    with _under_lock(organization, now) as (book, wallet_id, instant):
        row = _locked(organization)
        if row is None or not row.is_on:
            return
        row.is_on = False
        row.save(update_fields=["is_on"])
        _watch(book, wallet_id, row)
        _withdraw_notices(row, now=instant)
        _record(Action.AUTO_RECHARGE_TURNED_OFF, row, actor=actor, now=instant)


def restart(*, organization: Organization, actor: User, now: datetime | None = None) -> None:
    """Restart after failures, by an owner. Nothing changes where it is neither paused nor backing off.

    Raises PausedByStaff.
    """
    with _under_lock(organization, now) as (book, wallet_id, instant):
        row = _locked(organization)
        if row is None or (row.paused_at is None and row.retry_at is None):
            return
        if row.pause_reason == PauseReason.STAFF:
            raise PausedByStaff(_("Auto-recharge was paused by support. Contact support to resume it."))
        _resume(book, wallet_id, row, Action.AUTO_RECHARGE_RESTARTED, actor=actor, now=instant)


def pause(*, organization: Organization, actor: User, reason: str, now: datetime | None = None) -> bool:
    """Pause, by staff; return whether anything changed."""
    with _under_lock(organization, now) as (book, wallet_id, instant):
        row = _locked(organization)
        if row is None or row.pause_reason == PauseReason.STAFF:
            return False
        row.paused_at, row.pause_reason = instant, PauseReason.STAFF
        row.save(update_fields=["paused_at", "pause_reason"])
        _watch(book, wallet_id, row)
        _record(Action.AUTO_RECHARGE_PAUSED, row, actor=actor, reason=reason, now=instant)
    return True


def resume(*, organization: Organization, actor: User, reason: str, now: datetime | None = None) -> bool:
    """Resume, by staff, whatever paused it; return whether anything changed."""
    with _under_lock(organization, now) as (book, wallet_id, instant):
        row = _locked(organization)
        if row is None or (row.paused_at is None and row.retry_at is None):
            return False
        _resume(book, wallet_id, row, Action.AUTO_RECHARGE_RESUMED, actor=actor, reason=reason, now=instant)
    return True


def resume_with_other_methods(*, now: datetime | None = None) -> None:
    """Resume rules that failures or the bank paused, where another payment method is the default by now."""
    charged = RechargeAttempt.objects.filter(organization=OuterRef("organization")).order_by("-created_at")
    default = PaymentMethod.objects.filter(organization=OuterRef("organization"), is_default=True, detached_at=None)
    stopped = AutoRecharge.objects.filter(
        is_on=True, pause_reason__in=[PauseReason.FAILURES, PauseReason.AUTHENTICATION]
    ).annotate(charged=Subquery(charged.values("payment_method")[:1]), method=Subquery(default.values("stripe_id")))
    for found in stopped.filter(method__isnull=False).exclude(method=F("charged")).select_related("organization"):
        with _under_lock(found.organization, now) as (book, wallet_id, instant):
            row = _locked(found.organization)
            if row is not None and row.pause_reason == found.pause_reason:
                reason = "another payment method"
                _resume(book, wallet_id, row, Action.AUTO_RECHARGE_RESUMED, actor=None, reason=reason, now=instant)


def _resume(
    book: ledger.Book,
    wallet_id: int,
    row: AutoRecharge,
    action: Action,
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
) -> None:
    _reset(row)
    row.save(update_fields=["failures", "retry_at", "paused_at", "pause_reason"])
    _watch(book, wallet_id, row)
    _withdraw_notices(row, now=now)
    _record(action, row, actor=actor, reason=reason, now=now)


def _reset(row: AutoRecharge) -> None:
    row.failures, row.retry_at, row.paused_at, row.pause_reason = 0, None, None, ""


def _watch(book: ledger.Book, wallet_id: int, row: AutoRecharge) -> None:
    """Have the ledger signal a fall below the threshold while the rule is on and not paused."""
    is_at_work = row.is_on and row.paused_at is None
    ledger.set_watch(book, wallet_id=wallet_id, below=row.threshold if is_at_work else None)


def _withdraw_notices(row: AutoRecharge, *, now: datetime) -> None:
    """Dismiss the notices that it stopped: somebody has seen to it."""
    withdraw(RECHARGE_FAILED, organization_id=row.organization_id, now=now)


def _record(
    action: Action,
    row: AutoRecharge,
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    details: dict[str, object] | None = None,
) -> None:
    audit_events.record(
        action=action,
        organization=row.organization,
        actor=actor,
        target=row.organization.slug,
        reason=reason,
        details=details,
        now=now,
    )
