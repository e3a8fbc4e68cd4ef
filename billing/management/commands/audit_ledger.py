"""`manage.py audit_ledger`: proves all invariants in one snapshot; prints the broken ones and exits with 1.

The audit is in `billing.audit.nightly`; only options and output belong here.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.audit.nightly import AuditReport, audit_and_seal, in_words, make_report
from credits import audit
from credits.models import Wallet


class Command(BaseCommand):
    help = "Prove from the entries alone that the ledger is right. Exits with 1 and one line per broken invariant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization's wallet")
        parser.add_argument("--json", action="store_true", help="write the report as JSON")
        parser.add_argument(
            "--seal",
            action="store_true",
            help="seal what was proved and say the seal's hash, to be kept elsewhere than in this database",
        )
        parser.add_argument("--kept", metavar="HASH", help="fail unless a seal has this hash, kept from an earlier run")

    def handle(self, *_args: Any, organization: str | None, **options: Any) -> None:
        if options["kept"] and not audit.is_sealed(options["kept"].lower()):
            raise CommandError(f"No seal has the hash {options['kept']}: seals are missing, or were made again.")
        report, sealed = _audit(organization, is_sealing=options["seal"])
        write = _as_json if options["json"] else _as_text
        self.stdout.write(write(report, organization, sealed))
        if report.broken:
            raise SystemExit(1)


def _audit(organization: str | None, *, is_sealing: bool) -> tuple[AuditReport, audit.Sealed | None]:
    now = timezone.now()
    if is_sealing:
        if organization:
            raise CommandError("A seal is over all wallets: leave --organization out.")
        try:
            return audit_and_seal(now=now)
        except audit.SealedMeanwhile:
            raise CommandError("Another audit made a seal meanwhile. Nothing was sealed; audit again.") from None
    with audit.snapshot():
        return make_report(audit.Scope(now=now, wallet_id=_wallet_id(organization))), None


def _wallet_id(slug: str | None) -> int | None:
    if slug is None:
        return None
    wallet_id = Wallet.objects.filter(organization__slug=slug).values_list("id", flat=True).first()
    if wallet_id is None:
        raise CommandError(f"No organization “{slug}” has a wallet.")
    return wallet_id


def _as_text(report: AuditReport, _organization: str | None, sealed: audit.Sealed | None) -> str:
    read = ", ".join(f"{number:,} {what}" for what, number in report.proved.items())
    verdict = f"{len(report.broken)} broken" if report.broken else "all hold"
    lines = [*in_words(report), f"{report.invariants} invariants over {read} in {report.seconds} s: {verdict}."]
    if sealed:
        lines.append(f"Seal {sealed.number}, to be kept elsewhere: {sealed.hash}")
    return "\n".join(lines)


def _as_json(report: AuditReport, organization: str | None, sealed: audit.Sealed | None) -> str:
    return json.dumps(
        {
            "organization": organization,
            "is_clean": not report.broken,
            "invariants": report.invariants,
            "proved": report.proved,
            "seconds": report.seconds,
            "broken": [_as_dict(item) for item in report.broken],
            "late": [_as_dict(item) for item in report.late],
            "seal": {"number": sealed.number, "hash": sealed.hash} if sealed else None,
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
