"""`manage.py audit_ledger`: prove that the books are right, in one snapshot; say what is not, and exit with 1.

It stands in the highest room that has something to prove: it sees the ledger's invariants, the meter's and those of
purchases.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.audit import PURCHASES, count_purchases
from credits import audit
from credits.models import Wallet
from usage import rollup_audit
from usage.audit import EVENTS, count_events
from usage.limit_audit import LIMITS


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
    above = [*EVENTS, *rollup_audit.invariants(scope), *LIMITS, *PURCHASES]
    found = [*audit.prove_ledger(scope), *audit.prove(above, scope)]
    return Report(
        proved={**audit.count(scope), "events": count_events(scope), "purchases": count_purchases(scope)},
        invariants=len(audit.INVARIANTS) + 1 + len(above),
        broken=[item for item in found if not item.invariant.is_liveness],
        late=[item for item in found if item.invariant.is_liveness],
        seconds=round(time.monotonic() - began, 1),
    )


class Command(BaseCommand):
    help = "Prove from the entries alone that the ledger is right. Exits with 1 and one line per broken invariant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization's wallet")
        parser.add_argument("--json", action="store_true", help="write the report as JSON")

    def handle(self, *_args: Any, organization: str | None, **options: Any) -> None:
        with audit.snapshot():
            report = make_report(audit.Scope(now=timezone.now(), wallet_id=_wallet_id(organization)))
        self.stdout.write(_as_json(report, organization) if options["json"] else _as_text(report))
        if report.broken:
            raise SystemExit(1)


def _wallet_id(slug: str | None) -> int | None:
    if slug is None:
        return None
    wallet_id = Wallet.objects.filter(organization__slug=slug).values_list("id", flat=True).first()
    if wallet_id is None:
        raise CommandError(f"No organization “{slug}” has a wallet.")
    return wallet_id


def _as_text(report: Report) -> str:
    lines = [_line("broken", item) for item in report.broken] + [_line("late", item) for item in report.late]
    read = ", ".join(f"{number:,} {what}" for what, number in report.proved.items())
    verdict = f"{len(report.broken)} broken" if report.broken else "all hold"
    lines.append(f"{report.invariants} invariants over {read} in {report.seconds} s: {verdict}.")
    return "\n".join(lines)


def _line(word: str, item: audit.Broken) -> str:
    return (
        f"{word}: {item.invariant.name} ({item.invariant.sentence}) {item.count:,} times; "
        f"first {item.first}; worst {item.worst}"
    )


def _as_json(report: Report, organization: str | None) -> str:
    return json.dumps(
        {
            "organization": organization,
            "is_clean": not report.broken,
            "invariants": report.invariants,
            "proved": report.proved,
            "seconds": report.seconds,
            "broken": [_as_dict(item) for item in report.broken],
            "late": [_as_dict(item) for item in report.late],
        },
        ensure_ascii=False,
    )


def _as_dict(item: audit.Broken) -> dict[str, Any]:
    return {
        "name": item.invariant.name,
        "sentence": item.invariant.sentence,
        "count": item.count,
        "first": _finding_as_dict(item.first),
        "worst": _finding_as_dict(item.worst),
    }


def _finding_as_dict(finding: audit.Finding) -> dict[str, Any]:
    return {"wallet": finding.wallet_id, "number": finding.number, "what": finding.what}
