"""Size is a smell. These are the defects; half of each deserves a second look."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, name, python_files, tracked_files, tree

LONGEST_FILE = 300
LONGEST_TEST_FILE = 400
LONGEST_FUNCTION = 70
LONGEST_TEMPLATE = 150
LONGEST_STYLE_SHEET = 250
MOST_MODULES = 20


def longer_than(most: int, paths: Iterator[Path]) -> dict[str, int]:
    """The files of more lines, and how many they have."""
    lines = {name(path): len(path.read_text().splitlines()) for path in paths}
    return {file: count for file, count in lines.items() if count > most}


def modules(*, of_tests: bool) -> Iterator[Path]:
    """Python files, but for migrations."""
    for path in python_files():
        parts = path.relative_to(ROOT).parts
        if "migrations" not in parts and (parts[0] == "tests") == of_tests:
            yield path


def test_no_python_file_is_longer_than_300_lines() -> None:
    assert longer_than(LONGEST_FILE, modules(of_tests=False)) == {}, "Split these by noun"


def test_no_file_of_tests_is_longer_than_400_lines() -> None:
    assert longer_than(LONGEST_TEST_FILE, modules(of_tests=True)) == {}, "Split these by noun"


def test_no_template_is_longer_than_150_lines() -> None:
    templates = (path for path in tracked_files() if path.relative_to(ROOT).parts[0] == "templates")

    assert longer_than(LONGEST_TEMPLATE, templates) == {}, "Give its parts components of their own"


def test_no_style_sheet_is_longer_than_250_lines() -> None:
    sheets = (path for path in tracked_files() if path.suffix == ".css")

    assert longer_than(LONGEST_STYLE_SHEET, sheets) == {}, "One file for each page or component"


def test_no_function_is_longer_than_70_lines() -> None:
    too_long = {
        f"{name(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in modules(of_tests=False)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }

    assert too_long == {}, "A function does one thing"


def test_no_folder_holds_more_than_20_modules_side_by_side() -> None:
    counted = Counter(name(path.parent) for path in python_files() if path.name != "__init__.py")

    assert {folder: count for folder, count in counted.items() if count > MOST_MODULES} == {}, "Group these by noun"
