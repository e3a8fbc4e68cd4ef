"""The style sheets are many files and are served as one, in development as after `collectstatic`."""

import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from config.static_files import StaticFilesFinder

CSS = Path(__file__).resolve().parent.parent.parent / "static" / "css"
LOADED_APART = {"admin.css", "print.css", "site.css"}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def served() -> str:
    found = finders.find("css/site.css")
    assert isinstance(found, str)
    return Path(found).read_text()


@pytest.mark.parametrize("path", sorted(CSS.rglob("*.css")), ids=lambda path: str(path.relative_to(CSS)))
def test_every_style_sheet_is_in_it_once_but_those_that_are_loaded_apart(path: Path, served: str) -> None:
    text = without_comments(path.read_text()).strip()

    assert without_comments(served).count(text) == (0 if path.name in LOADED_APART else 1)


def test_nothing_is_left_to_import(served: str) -> None:
    assert "@import" not in served


def test_what_is_collected_is_the_same_hashed_and_compressed(served: str, tmp_path: Path) -> None:
    ours = ["config.static_files.StaticFilesFinder"]  # the admin's own files take a minute
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=STORAGES, STATICFILES_FINDERS=ours):
        call_command("collectstatic", "--no-input", verbosity=0)
        name = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]["css/site.css"]

    assert re.fullmatch(r"css/site\.[0-9a-f]{12}\.css", name)
    assert (tmp_path / name).read_text() == served
    assert (tmp_path / f"{name}.gz").exists()


def test_a_change_of_one_file_shows_at_once(tmp_path: Path) -> None:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "site.css").write_text('@import url("button.css");\n')
    button = tmp_path / "css" / "button.css"
    with override_settings(STATICFILES_DIRS=[tmp_path]):
        finder = StaticFilesFinder()
    seen = []
    for colour in ("red", "green"):
        button.write_text(f".button {{ color: {colour}; }}\n")
        seen.append(Path(finder.find("css/site.css")).read_text())

    assert seen == [".button { color: red; }\n", ".button { color: green; }\n"]


def test_other_files_are_found_where_they_are() -> None:
    assert finders.find("css/print.css") == str(CSS / "print.css")
    assert finders.find("css/nothing.css") is None
