"""What the architecture tests read: the files that are part of the product, and their syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "organizations", "jobs", "notices", "webhooks", "domain_events", "credits", "usage", "billing")


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git keeps and that exists."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> Iterator[Path]:
    """The tracked Python files below the given top folders; all of them if none is given."""
    for path in tracked_files():
        if path.suffix == ".py" and (not folders or path.relative_to(ROOT).parts[0] in folders):
            yield path


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), filename=str(path))


def name(path: Path) -> str:
    """A file's name as a reader types it."""
    return path.relative_to(ROOT).as_posix()
