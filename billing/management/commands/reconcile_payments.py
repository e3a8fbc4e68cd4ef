"""`manage.py reconcile_payments`: compares the last days with Stripe and settles what was missed. Repeatable."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from billing import stripe_gateway
from billing.stripe_events.reconciliation import reconcile


class Command(BaseCommand):
    help = "Compare payments with Stripe, both ways. Exits with 1 and a line per difference that is left to staff."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=3, help="how many days back (3)")

    def handle(self, *_args: Any, days: int, **_options: Any) -> None:
        if not 1 <= days <= 365:
            self.stderr.write("--days is from 1 to 365.")
            raise SystemExit(2)
        try:
            report = reconcile(since=timezone.now() - timedelta(days=days))
        except stripe_gateway.GatewayError as error:
            self.stderr.write(f"Stripe could not be asked: {error}")
            raise SystemExit(1) from None
        for line in report.settled:
            self.stdout.write(f"settled: {line}")
        for line in report.differences:
            self.stdout.write(f"differs: {line}")
        self.stdout.write(
            f"{report.payments} payments, {len(report.settled)} settled, {report.events} missed events, "
            f"{len(report.differences)} differences."
        )
        if report.differences:
            raise SystemExit(1)
