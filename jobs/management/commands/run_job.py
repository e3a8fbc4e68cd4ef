"""`manage.py run_job NAME`: run a job of the schedule here and now; its run is recorded like any other."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import runs
from jobs.models import JobRun
from jobs.schedule import JOBS, SCHEDULE
from organizations.public_ids import new_uuid


class Command(BaseCommand):
    help = "Run a job of the schedule here and now. Without a name: list them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", choices=sorted(JOBS), metavar="NAME")
        parser.add_argument("--reason", default="manage.py run_job", help="kept with the run and in the audit events")

    def handle(self, *_args: Any, name: str | None, reason: str, **_options: Any) -> None:
        if name is None:
            for job in SCHEDULE:
                self.stdout.write(f"{job.name:<24} {job.purpose}")
            return
        asked = runs.ask(JOBS[name], actor=None, reason=reason, run_id=new_uuid())
        run = runs.run(asked.pk, attempts=1)
        if run is None:
            # Nobody is to be surprised by it later.
            JobRun.objects.filter(pk=asked.pk, started_at=None).delete()
            raise CommandError(f"The job {name} is being run by somebody else. Try again when that has ended.")
        if run.error:
            raise CommandError(f"The job {name} failed: {run.error}")
        did = ", ".join(f"{word} {number}" for word, number in run.did.items())
        self.stdout.write(f"{name}: {did or 'there was nothing to do'}.")
