"""Size is a smell. These are the defects; half of each deserves a second look."""

import ast

from tests.architecture.sources import name, python_files, tree

LONGEST_FILE = 500
LONGEST_FUNCTION = 70


def test_no_python_file_is_longer_than_500_lines() -> None:
    too_long = {
        name(path): lines
        for path in python_files()
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }

    assert too_long == {}, "Split these by noun"


def test_no_function_is_longer_than_70_lines() -> None:
    too_long = {
        f"{name(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in python_files()
        if not {"migrations", "tests"} & set(path.parts)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }

    assert too_long == {}, "A function does one thing"
