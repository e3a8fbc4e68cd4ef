"""The whole audit: every app's invariants, proved in one snapshot, and sealed if all hold. It runs every night.

It is in billing because billing may import all other apps with invariants. The invariants themselves do not belong
here: each app declares its own.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from django.core.mail import mail_admins
from django.db import transaction
from django.utils import timezone

from billing.audit.invariants import ALLOWANCES, PURCHASES, count_purchases
from billing.audit_actions import Action
from credits import audit
from organizations import audit_events
from usage.limits import audit as limit_audit
from usage.metering.audit import EVENTS, SEALED_EVENTS, count_events
from usage.rollups import audit as rollup_audit

logger = logging.getLogger(__name__)

# Records of other apps that are sealed together with the ledger's operations.
OTHER_SEALED = [SEALED_EVENTS]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How many rows were read, and which invariants don't hold."""

    proved: dict[str, int]
    invariants: int
    broken: list[audit.Broken]
    late: list[audit.Broken]
    seconds: float


def make_report(scope: audit.Scope) -> AuditReport:
    """Prove everything in scope, in the caller's transaction."""
    began = time.monotonic()
    above = [*EVENTS, *rollup_audit.invariants(scope), *limit_audit.invariants(scope), *PURCHASES, *ALLOWANCES]
    sealed = audit.seal_invariants(OTHER_SEALED)
    found = [*audit.prove_ledger(scope), *audit.prove([*above, *sealed], scope)]
    return AuditReport(
        proved={**audit.count(scope), "events": count_events(scope), "purchases": count_purchases(scope)},
        invariants=len(audit.INVARIANTS) + 1 + len(above) + len(sealed),
        broken=[item for item in found if not item.invariant.is_liveness],
        late=[item for item in found if item.invariant.is_liveness],
        seconds=round(time.monotonic() - began, 1),
    )


def audit_and_seal(*, now: datetime) -> tuple[AuditReport, audit.Sealed | None]:
    """Audit all wallets as of `now` and seal what was proved; no seal is made where an invariant is broken.

    Outside any transaction. Raises audit.SealedMeanwhile if another audit made a seal first.
    """
    with audit.snapshot():
        report = make_report(audit.Scope(now=now))
        unsealed = None if report.broken else audit.read_unsealed(OTHER_SEALED)
    return report, audit.seal(unsealed, now=now) if unsealed else None


def run(*, now: datetime | None = None) -> dict[str, int | str]:
    """Audit and seal; a broken invariant is logged as an error, recorded as an audit event and mailed to ADMINS.

    Returns {"invariants": how many, "broken": how many of them, "seal": its hash, empty if none was made}. Every run
    makes a seal, which states that all was well at its time. now: for tests.
    """
    instant = now or timezone.now()
    report, sealed = audit_and_seal(now=instant)
    if report.broken:
        _alert_staff(report, now=instant)
    return {
        "invariants": report.invariants,
        "broken": len(report.broken),
        "seal": sealed.hash if sealed else "",
    }


def _alert_staff(report: AuditReport, *, now: datetime) -> None:
    lines = in_words(report)
    for line in lines:
        logger.error("The nightly audit: %s", line)
    with transaction.atomic():
        audit_events.record(
            action=Action.LEDGER_AUDIT_FAILED,
            details={"broken": {item.invariant.name: item.count for item in report.broken}},
            now=now,
        )
        message = "\n\n".join([*lines, "Nothing was sealed. manage.py audit_ledger says it again."])
        transaction.on_commit(lambda: mail_admins("The nightly audit found broken books", message), robust=True)


def in_words(report: AuditReport) -> list[str]:
    """Return one line per invariant that doesn't hold, those that are merely late last."""
    return [_line("broken", item) for item in report.broken] + [_line("late", item) for item in report.late]


def _line(word: str, item: audit.Broken) -> str:
    return (
        f"{word}: {item.invariant.name} ({item.invariant.sentence}) {item.count:,} times; "
        f"first {item.first}; worst {item.worst}"
    )
