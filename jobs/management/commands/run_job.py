"""`manage.py run_job NAME`: run a job now, in this process. The run is recorded like any other."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import runs
from jobs.models import JobRun
from jobs.schedule import JOBS
from organizations.public_ids import new_uuid


class Command(BaseCommand):
    help = "Run a job now, in this process. Without a name: list the jobs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", choices=sorted(JOBS), metavar="NAME")
        parser.add_argument("--reason", default="manage.py run_job", help="kept with the run and in the audit events")

    def handle(self, *_args: Any, name: str | None, reason: str, **_options: Any) -> None:
        if name is None:
            for job in JOBS.values():
                self.stdout.write(f"{job.name:<24} {job.purpose}")
            return
        requested = runs.request(JOBS[name], actor=None, reason=reason, run_id=new_uuid())
        run = runs.run(requested.pk, attempts=1)
        if run is None:
            # It must not run later by itself.
            JobRun.objects.filter(pk=requested.pk, started_at=None).delete()
            raise CommandError(f"The job {name} is already running. Try again when it has ended.")
        if run.error:
            raise CommandError(f"The job {name} failed: {run.error}")
        did = ", ".join(f"{word} {number}" for word, number in run.did.items())
        self.stdout.write(f"{name}: {did or 'there was nothing to do'}.")
