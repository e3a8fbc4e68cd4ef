"""`manage.py load_program NAME_OR_FILE`: creates or updates a program. A second run changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.programs.changes import Change
from billing.programs.files import BrokenProgram, find_file, shipped_programs
from billing.programs.loader import load_program
from billing.programs.terms import read_program


class Command(BaseCommand):
    help = "Create or update a program from its file. Exits with 1 and a line per problem."

    def add_arguments(self, parser: CommandParser) -> None:
        names = ", ".join(shipped_programs())
        parser.add_argument("name_or_file", metavar="NAME_OR_FILE", help=f"one of {names}, or the path of a .toml file")

    def handle(self, *_args: Any, name_or_file: str, **_options: Any) -> None:
        try:
            terms = read_program(find_file(name_or_file))
            loaded = load_program(terms)
        except BrokenProgram as broken:
            self.stderr.write(str(broken))
            raise SystemExit(1) from None
        for change in loaded.changes:
            self.stdout.write(_line(change))
        for kept in loaded.kept:
            self.stdout.write(f"kept, though not in the file: {kept}")
        self.stdout.write(f"{terms.key}: {_count(len(loaded.changes))}.")


def _count(changes: int) -> str:
    return {0: "nothing changed", 1: "1 change"}.get(changes, f"{changes} changes")


def _line(change: Change) -> str:
    details = ", ".join(_detail(name, value) for name, value in change.details.items() if value != "")
    return f"{change.action} {change.target}: {details}"


def _detail(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return f"{name} {value}"
    if value["before"] is None:
        return f"{name} {value['after']}"
    return f"{name} {value['before']} → {'none' if value['after'] is None else value['after']}"
