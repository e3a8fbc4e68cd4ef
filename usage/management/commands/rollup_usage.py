"""`manage.py rollup_usage`: add up days of usage now, as the job does by itself; safe to stop and to run again."""

import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from tqdm import tqdm

from organizations.calendar import Days
from organizations.models import Organization
from usage import rollups


class Command(BaseCommand):
    help = (
        "Add up what organizations used, by their own days: the days that have ended and those that have changed since."
        " A run that was stopped can be run again: whole weeks that were done stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this one")
        again = parser.add_mutually_exclusive_group()
        again.add_argument(
            "--date", type=_date, metavar="YYYY-MM-DD", help="this day again too, whatever is known of it"
        )
        again.add_argument("--all", action="store_true", help="every day again")

    def handle(self, *_args: Any, organization: str | None, **options: Any) -> None:
        day: date | None = options["date"]
        chosen = Organization.objects.filter(wallet__isnull=False).order_by("pk")
        if organization is not None:
            chosen = chosen.filter(slug=organization)
            if not chosen.exists():
                raise CommandError(f"No organization “{organization}” has a wallet.")
        if day or options["all"]:
            for one in chosen:
                rollups.reopen_days(one, Days(day, day) if day else None)
        due = set(rollups.find_due())
        outcome = self._roll_up([one.pk for one in chosen if one.pk in due])
        for one in chosen if day else []:
            through, zone = rollups.through(one)
            if day and one.slug not in outcome.errors and (through is None or through < day):
                outcome.errors[one.slug] = f"{day} has not ended in {zone}."
        self.stdout.write(f"{outcome.days:,} days of {outcome.organizations:,} organizations added up.")
        for slug, error in outcome.errors.items():
            self.stderr.write(f"{slug}: {error}")
        if outcome.busy:
            self.stderr.write(f"{outcome.busy:,} organizations were being added up by another run.")
        if outcome.errors or outcome.busy:
            raise CommandError("Not all could be added up. Run the same command again.")

    def _roll_up(self, organization_ids: list[int]) -> rollups.Outcome:
        # Somebody is waiting for it and can stop it, so a long statement may take its time.
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        try:
            # The bar is for people: none where the output goes to a file or a log.
            with tqdm(total=len(organization_ids), unit=" organizations", file=sys.stderr, disable=None) as bar:
                days = 0

                def report(organization: Organization, done: int) -> None:
                    nonlocal days
                    days += done
                    bar.set_postfix_str(f"{organization.slug}, {days:,} days")

                return rollups.roll_up_each(organization_ids, report=report, finished=bar.update)
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run the same command again to continue.", returncode=130) from None
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET statement_timeout")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"“{text}” is not a date: write it as 2026-03-31.") from None
