"""The requirement files: every direct pin of pyproject.toml in the same version, hashed, and no host or path."""

import re
import tomllib

import pytest

from tests.architecture.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
DEVELOPMENT = PROJECT["dependency-groups"]["dev"]
FILES = ["requirements.txt", "requirements-dev.txt"]


def pins(file: str) -> dict[str, tuple[str, int]]:
    """Name → (version, number of hashes) of each requirement in a locked file."""
    found = {}
    for block in re.split(r"\n(?=\S)", (ROOT / file).read_text()):
        requirement, *hashes = re.split(r"\s+--hash=sha256:", block.replace("\\\n", " "))
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", requirement)
        assert match, f"{file}: not an exact pin: {requirement!r}"
        found[canonical(match[1])] = (match[2], len(hashes))
    return found


def canonical(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize(("file", "direct"), [(FILES[0], RUNTIME), (FILES[1], RUNTIME + DEVELOPMENT)])
def test_every_direct_pin_is_locked_with_the_same_version(file: str, direct: list[str]) -> None:
    locked = pins(file)
    wanted = {canonical(re.split(r"[\[=]", pin)[0]): pin.split("==")[1] for pin in direct}

    assert {package: locked.get(package, ("missing", 0))[0] for package in wanted} == wanted, "Run `make lock`"


@pytest.mark.parametrize("file", FILES)
def test_everything_locked_has_hashes(file: str) -> None:
    assert [package for package, (_, hashes) in pins(file).items() if not hashes] == []


@pytest.mark.parametrize("file", FILES)
def test_no_host_and_no_path_is_named(file: str) -> None:
    text = (ROOT / file).read_text()

    assert re.findall(r"\S*(?:://|@ |file:|--index|--find|-i |\s/)\S*", text) == []


def test_production_installs_nothing_that_only_tests_need() -> None:
    development = {canonical(re.split(r"[\[=]", pin)[0]) for pin in DEVELOPMENT}

    assert development & set(pins("requirements.txt")) == set()
