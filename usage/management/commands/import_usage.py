"""Import past usage from a CSV file or JSON lines."""

import csv
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from credits.balance.queries import balance_of
from organizations.formats import format_credits
from organizations.models import Organization
from usage.importing.files import (
    ALIASES,
    Defaults,
    Record,
    UnreadableFile,
    read_csv,
    read_json_lines,
    read_lines,
)
from usage.importing.records import Summary, import_records
from usage.models import DEFAULT_SERVICE

# The name is part of every line's idempotency key.
MAX_NAME_LENGTH = 140


class Command(BaseCommand):
    help = "Import past usage from a CSV file or JSON lines. A run that was stopped can be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--feature", required=True, metavar="KEY", help="where the file names none")
        parser.add_argument("--model", default="", metavar="KEY", help="where the file names none")
        parser.add_argument("--service", default=DEFAULT_SERVICE, metavar="KEY", help="where the file names none")
        parser.add_argument(
            "--assign-users", type=int, default=0, metavar="N", help="give lines without a user to N members in turn"
        )
        parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="of times without an offset")
        parser.add_argument(
            "--column", action="append", default=[], metavar="FIELD=COLUMN", help=f"fields: {', '.join(ALIASES)}"
        )
        parser.add_argument("--name", default="", help="the file's name in idempotency keys (its own by default)")
        parser.add_argument("--refused", type=Path, metavar="FILE", help="where refused lines go")
        parser.add_argument("--batch", type=int, default=1000, metavar="LINES", help="lines per transaction")

    def handle(self, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        if not 1 <= options["batch"] <= 10_000:
            raise CommandError("--batch must be from 1 to 10000.")
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization “{options['organization']}”.")
        defaults = self._defaults(organization, path, options)
        refused_path = options["refused"] or Path(f"{defaults.name}.refused.csv")
        summary, started = Summary(), time.monotonic()
        with ExitStack() as stack:
            bar = stack.enter_context(
                tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc=path.name, file=sys.stderr)
            )
            refused = RefusedLines(refused_path, stack)
            lines = read_lines(stack.enter_context(path.open("rb")), bar.update)
            records = self._records(lines, path, defaults, options["column"])
            try:
                import_records(records, summary=summary, refuse=refused.write, batch_size=options["batch"])
            except UnreadableFile as error:
                raise CommandError(str(error)) from None
            except DatabaseError as error:
                self._summarize(organization, summary, started)
                raise CommandError(f"The database failed ({error}). Run the same command again to continue.") from None
            except KeyboardInterrupt:
                self._summarize(organization, summary, started)
                raise CommandError("Stopped. Run the same command again to continue.", returncode=130) from None
        self._summarize(organization, summary, started)
        if summary.refused:
            raise CommandError(f"Lines refused: {summary.refused:,}. They are in {refused_path}, with the reasons.")

    def _defaults(self, organization: Organization, path: Path, options: dict[str, Any]) -> Defaults:
        count: int = options["assign_users"]
        members = organization.memberships.order_by("pk").select_related("user")[: max(count, 0)]
        users = [membership.user for membership in members]
        if len(users) < count:
            raise CommandError(f"The organization has {len(users)} members, not {count}.")
        if users:
            self.stdout.write(f"Line L goes to member L mod {count} of: {', '.join(user.email for user in users)}")
        try:
            zone = ZoneInfo(options["time_zone"])
        except (ZoneInfoNotFoundError, ValueError):
            raise CommandError(f"“{options['time_zone']}” is not a time zone.") from None
        name = options["name"] or path.name
        if len(name) > MAX_NAME_LENGTH:
            raise CommandError(f"The name must have at most {MAX_NAME_LENGTH} characters; name it with --name.")
        return Defaults(
            organization=organization.slug,
            name=name,
            feature=options["feature"],
            model=options["model"],
            service=options["service"],
            users=tuple(user.public_id for user in users),
            zone=zone,
        )

    def _records(self, lines: Iterator[str], path: Path, defaults: Defaults, named: list[str]) -> Iterator[Record]:
        columns = dict(pair.split("=", 1) for pair in named if "=" in pair)
        unknown = [pair for pair in named if pair.split("=", 1)[0] not in ALIASES or "=" not in pair]
        if unknown:
            raise CommandError(f"--column {unknown[0]}: must be FIELD=COLUMN, with a field of: {', '.join(ALIASES)}.")
        if path.suffix.lower() in {".jsonl", ".ndjson", ".json"}:
            return read_json_lines(lines, defaults, columns=columns)
        return read_csv(lines, defaults, columns=columns)

    def _summarize(self, organization: Organization, summary: Summary, started: float) -> None:
        seconds = max(time.monotonic() - started, 0.001)
        wallet = organization.wallet
        decimals = wallet.program.decimals

        def shown(credits: int) -> str:
            return f"{format_credits(credits, decimals=decimals, language='en')} {wallet.program.unit}"

        self.stdout.write(
            f"{summary.lines:,} lines: {summary.imported:,} imported, {summary.repeated:,} imported before, "
            f"{summary.refused:,} refused\n"
            f"{shown(summary.credits)} taken, {shown(balance_of(wallet, timezone.now()).available)} left\n"
            f"{seconds:.1f} s, {summary.lines / seconds:,.0f} lines per second"
        )


class RefusedLines:
    """The file of refused lines, made when the first one comes."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path = path
        self._stack = stack
        self._rows: Any = None

    def write(self, record: Record, reason: str) -> None:
        if self._rows is None:
            self._rows = csv.writer(self._stack.enter_context(self._path.open("w", newline="", encoding="utf-8")))
            self._rows.writerow(["line", "reason", "text"])
        self._rows.writerow([record.line, reason, record.text])
