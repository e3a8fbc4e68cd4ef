"""`manage.py sweep_expired`: write off what has expired, as the nightly job does; safe to stop and to run again."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import F
from django.utils import timezone
from tqdm import tqdm

from credits import ledger
from credits.models import Grant


class Command(BaseCommand):
    help = "Write the expiry of all credits that have expired and are not reserved."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        due = Grant.objects.filter(is_open=True, expires_at__lte=now, remaining__gt=F("reserved")).count()
        # The bar is for people: none where the output goes to a file or a log.
        with tqdm(total=due, unit=" grants", file=sys.stderr, disable=None) as progress:

            def report(grants: int) -> None:
                progress.update(grants)

            swept = ledger.sweep_expired(report=report)
        self.stdout.write(f"{swept:,} expired grants written off.")
