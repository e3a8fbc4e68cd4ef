"""Templates and style sheets keep the house rules: strict content policy, declared components, tokens in one file."""

import re
from pathlib import Path

import allauth
import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLE_SHEETS = sorted((ROOT / "static" / "css").rglob("*.css"))
COMPONENTS = [path for path in TEMPLATES if path.parent.name == "components"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_compiles(path: Path) -> None:
    get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_has_nothing_that_the_content_policy_forbids(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"\sstyle\s*=|<style\b", source), "styles belong in static/css"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']|javascript:|hx-on", source), "behaviour belongs in static/js"
    scripts = re.findall(r"<script\b[^>]*>", source)
    assert all("src=" in tag or 'type="application/json"' in tag for tag in scripts), "no script inside a page"
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", source), "everything a page loads is our own"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_names_static_files_that_exist(path: Path) -> None:
    for static_file in re.findall(r"{% static ['\"]([^'\"]+)['\"]", path.read_text()):
        assert finders.find(static_file), static_file


@pytest.mark.parametrize("path", COMPONENTS, ids=name)
def test_a_component_says_what_it_takes(path: Path) -> None:
    assert path.read_text().startswith("{% comment %}"), "begin with a comment that names every input"


def test_every_element_of_the_account_pages_is_in_our_look() -> None:
    theirs = Path(allauth.__file__).parent / "templates" / "allauth" / "elements"
    ours = ROOT / "templates" / "allauth" / "elements"
    assert {path.name for path in theirs.glob("*.html")} <= {path.name for path in ours.glob("*.html")}


@pytest.mark.parametrize("path", STYLE_SHEETS, ids=name)
def test_colours_are_named_in_the_tokens_alone(path: Path) -> None:
    if path.name in {"tokens.css", "print.css"}:
        return
    colours = re.findall(r"#[0-9a-f]{3,8}\b(?=[;\s,)])", path.read_text())
    assert set(colours) <= ({"#fff"} if path.name == "account.css" else set()), "give the colour a name in tokens.css"


@pytest.mark.parametrize("path", STYLE_SHEETS, ids=name)
def test_a_style_sheet_uses_only_tokens_that_exist(path: Path) -> None:
    defined = set(re.findall(r"(--[a-z0-9-]+):", (ROOT / "static/css/tokens.css").read_text()))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", path.read_text())) <= defined


def tokens(scheme: str) -> dict[str, str]:
    light, dark = (ROOT / "static/css/tokens.css").read_text().split("prefers-color-scheme: dark", 1)
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return found if scheme == "light" else found | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


TEXT = [
    *((text, ground) for text in ("ink", "ink-soft", "brand", "danger", "warning") for ground in ("ground", "sheet")),
    *((text, "well") for text in ("ink", "ink-soft")),
    *(("ink", ground) for ground in ("brand-soft", "warning-soft", "danger-soft")),
    ("brand", "brand-soft"),
    ("brand", "warning-soft"),
    ("brand", "danger-soft"),
    ("warning", "warning-soft"),
    ("danger", "danger-soft"),
    ("on-brand", "brand"),
    ("on-brand", "brand-strong"),
    ("on-danger", "danger"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read_on_its_ground(text: str, ground: str, scheme: str) -> None:
    assert contrast(tokens(scheme)[text], tokens(scheme)[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("line", ["rule-strong", "brand", "danger", "chart-before"])
def test_lines_that_carry_meaning_can_be_seen(line: str, scheme: str) -> None:
    assert contrast(tokens(scheme)[line], tokens(scheme)["ground"]) >= 3
