"""Reading a program's file: it is found, parsed and converted to its tables, and all problems are reported at once.

msgspec stops at the first problem of a table, so each key is converted by itself. The meaning of the tables does not
belong here, and no database is used.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from billing.programs.tables import ProgramFile, Table

SHIPPED = Path(__file__).parent
# A program is a page or two of text.
MAX_BYTES = 1_000_000


class BrokenProgram(Exception):
    """A program that can't be loaded. `problems`: one sentence each, with file, table and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problems:
    """Collects the problems of a file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.sentences: list[str] = []

    def add(self, table: str, key: str, sentence: str) -> None:
        """Note a problem. table: as in the file ("[[packs]] small"). key: the key's name, or empty."""
        self.sentences.append(": ".join(part for part in (self.file, table, key, sentence) if part))

    def refuse(self) -> None:
        """Raise BrokenProgram if there is any problem."""
        if self.sentences:
            raise BrokenProgram(self.sentences)


def shipped_programs() -> list[str]:
    """Return the names of the programs that come with Drawdown."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def find_file(name_or_file: str) -> Path:
    """Return the file of a shipped program by its name, or any file by its path. Raises BrokenProgram."""
    if name_or_file in shipped_programs():
        return SHIPPED / f"{name_or_file}.toml"
    path = Path(name_or_file)
    if path.suffix != ".toml":
        names = ", ".join(shipped_programs())
        raise BrokenProgram([f"{name_or_file}: neither a program ({names}) nor the path of a .toml file."])
    return path


def read_tables(path: Path, problems: Problems) -> dict[str, Any]:
    """Read a file and return its valid tables by name; an optional table that is left out has its default.

    Problems are noted. Raises BrokenProgram where the file can't be read or is not TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BrokenProgram([f"{path.name}: larger than {MAX_BYTES} bytes."])
        raw = tomllib.loads(content.decode())
    except OSError as error:
        raise BrokenProgram([f"{path}: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise BrokenProgram([f"{path.name}: not a text in UTF-8."]) from None
    except (ValueError, RecursionError) as error:  # ValueError: not TOML, or a number of thousands of digits
        raise BrokenProgram([f"{path.name}: not TOML: {error}."]) from None
    _refuse_unknown(ProgramFile, raw, "", problems)
    return _read_keys(ProgramFile, raw, "", problems)


def name_of(item: object, number: int) -> str:
    """Return the name of an item in a list of tables: its key, or its number from 1."""
    for key in ("key", "code", "currency", "model"):
        name = item.get(key) if isinstance(item, Mapping) else getattr(item, key, None)
        if isinstance(name, str) and name:
            return name
    return str(number)


def _refuse_unknown(kind: type[Table], raw: Mapping[str, Any], where: str, problems: Problems) -> None:
    known = kind.__struct_fields__
    for key in sorted(raw.keys() - set(known)):
        problems.add(where, key, f"unknown; known here: {', '.join(known)}.")


def _read_keys(kind: type[Table], raw: Mapping[str, Any], where: str, problems: Problems) -> dict[str, Any]:
    """Return the values of the keys that are in order."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        name = field.name
        if name in raw:
            known = len(problems.sentences)
            value = _read_value(field.type, raw[name], where, name, problems)
            if isinstance(value, list):
                # The valid items of a list are kept, so that all problems of a file are found together.
                values[name] = [item for item in value if item is not None]
            elif len(problems.sentences) == known:
                values[name] = value
        elif field.required:
            problems.add(where, name, "missing.")
        else:
            values[name] = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return values


def _read_table(kind: type[Table], raw: object, where: str, problems: Problems) -> Table | None:
    if not isinstance(raw, Mapping):
        problems.add(where, "", "must be a table.")
        return None
    _refuse_unknown(kind, raw, where, problems)
    known = len(problems.sentences)
    values = _read_keys(kind, raw, where, problems)
    return kind(**values) if len(problems.sentences) == known else None


def _read_value(kind: Any, raw: object, where: str, key: str, problems: Problems) -> Any:
    table, is_list = _table_in(kind)
    if table is not None and is_list:
        if not isinstance(raw, list):
            problems.add(where, key, f"must be a list of tables ([[{key}]]).")
            return None
        label = f"{where}, [[{key}]]".removeprefix(", ")
        return [
            _read_table(table, item, f"{label} {name_of(item, number)}", problems)
            for number, item in enumerate(raw, start=1)
        ]
    if table is not None:
        return _read_table(table, raw, f"{where}, [{key}]".removeprefix(", "), problems)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        problems.add(where, key, f"must be {describe(kind)}.")
        return None


def _table_in(kind: Any) -> tuple[type[Table] | None, bool]:
    """Return the table that a field holds, if it does, and whether it holds a list of them."""
    is_list = get_origin(kind) is list
    for candidate in get_args(kind) or (kind,):
        if isinstance(candidate, type) and issubclass(candidate, Table):
            return candidate, is_list
    return None, is_list


def describe(kind: Any) -> str:
    """Describe in words what a field of this type may hold."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return next(part.description for part in arguments if isinstance(part, Meta) and part.description)
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in arguments)
    if origin is list:
        return f"a list, each {describe(arguments[0])}"
    if origin in {Union, UnionType}:
        return describe(next(part for part in arguments if part is not type(None)))
    return {bool: "true or false"}[kind]
