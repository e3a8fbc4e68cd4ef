"""The whole audit: what every room has to prove, in one snapshot, sealed where all of it holds; and nightly, by itself.

It stands in the highest room that has something to prove: it sees the ledger's invariants, the meter's and those of
purchases. The rooms say what must be true; here it is only put together and told.
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

# What rooms above the ledger have sealed with its operations.
BESIDES = [SEALED_EVENTS]


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and which invariants don't hold."""

    proved: dict[str, int]
    invariants: int
    broken: list[audit.Broken]
    late: list[audit.Broken]
    seconds: float


def make_report(scope: audit.Scope) -> Report:
    """Prove everything in scope, in the caller's transaction."""
    began = time.monotonic()
    above = [*EVENTS, *rollup_audit.invariants(scope), *limit_audit.invariants(scope), *PURCHASES, *ALLOWANCES]
    sealed = audit.seal_invariants(BESIDES)
    found = [*audit.prove_ledger(scope), *audit.prove([*above, *sealed], scope)]
    return Report(
        proved={**audit.count(scope), "events": count_events(scope), "purchases": count_purchases(scope)},
        invariants=len(audit.INVARIANTS) + 1 + len(above) + len(sealed),
        broken=[item for item in found if not item.invariant.is_liveness],
        late=[item for item in found if item.invariant.is_liveness],
        seconds=round(time.monotonic() - began, 1),
    )


def audit_and_seal(*, now: datetime) -> tuple[Report, audit.Sealed | None]:
    """Audit all wallets as of `now` and seal what was proved; no seal where an invariant is broken.

    Outside any transaction. Raises audit.SealedMeanwhile where another audit was quicker.
    """
    with audit.snapshot():
        report = make_report(audit.Scope(now=now))
        unsealed = None if report.broken else audit.read_unsealed(BESIDES)
    return report, audit.seal(unsealed, now=now) if unsealed else None


def run(*, now: datetime | None = None) -> dict[str, int | str]:
    """Audit, seal, and tell staff where something is broken: an error in the log, an audit event, a mail to ADMINS.

    Returns {"invariants": how many, "broken": how many of them, "seal": its hash, empty where none was made}. Run
    again, it seals again: a seal costs nothing and says that all was well at its time. now: for tests.
    """
    instant = now or timezone.now()
    report, sealed = audit_and_seal(now=instant)
    if report.broken:
        _tell(report, now=instant)
    return {
        "invariants": report.invariants,
        "broken": len(report.broken),
        "seal": sealed.hash if sealed else "",
    }


def _tell(report: Report, *, now: datetime) -> None:
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


def in_words(report: Report) -> list[str]:
    """Return one line per invariant that doesn't hold, those that are merely late last."""
    return [_line("broken", item) for item in report.broken] + [_line("late", item) for item in report.late]


def _line(word: str, item: audit.Broken) -> str:
    return (
        f"{word}: {item.invariant.name} ({item.invariant.sentence}) {item.count:,} times; "
        f"first {item.first}; worst {item.worst}"
    )
