"""What no tracked file may hold: this or that machine's paths, package mirrors, secrets, leftovers."""

import re

from tests.architecture.sources import ROOT, name, tracked_files

HERE = "tests/architecture/test_words.py"
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w"),
    "a package mirror": re.compile(
        r"--(?:extra-)?index-url|--find-links|file:///|pypi\.org/simple|files\.pythonhosted\.org"
    ),
    "a live secret": re.compile(r"\b(?:sk|rk)_live_\w{8}|whsec_\w{24}|-----BEGIN (?:RSA |EC )?PRIVATE KEY"),
    "a conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
    "a debugger": re.compile(r"\b(?:breakpoint\(\)|import pdb)"),
}
LARGEST_FILE = 1_000_000


def test_no_tracked_file_holds_what_it_must_not() -> None:
    offenders = []
    for path in tracked_files():
        text = path.read_text(errors="replace")
        offenders += [
            f"{name(path)}: {what}: {match[0]!r}"
            for what, pattern in FORBIDDEN.items()
            if name(path) != HERE and (match := pattern.search(text))
        ]

    assert offenders == []


def test_nothing_made_is_tracked() -> None:
    made = re.compile(r"(^|/)(\.venv|\.local|__pycache__|staticfiles|node_modules)/|\.(pyc|log|sqlite3)$")

    assert [name(path) for path in tracked_files() if made.search(name(path))] == []


def test_no_tracked_file_is_large() -> None:
    assert [name(path) for path in tracked_files() if path.stat().st_size > LARGEST_FILE] == []


def test_what_is_made_is_ignored() -> None:
    ignored = (ROOT / ".gitignore").read_text().split()

    assert {".venv/", ".local/", "staticfiles/"} <= set(ignored)
