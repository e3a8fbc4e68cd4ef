"""HTML of the sandbox's pages: every value is escaped, and every page says that it is a sandbox."""

from html import escape

BANNER = "Payments sandbox — no real money"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *inner: object, **attributes: object) -> Html:
    """An element. True writes an attribute's name alone, None and False leave it out; `class_` is written class."""
    written = "".join(_attribute(each.rstrip("_").replace("_", "-"), value) for each, value in attributes.items())
    if name in {"input", "br", "hr", "meta", "link"}:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{''.join(map(_inside, inner))}</{name}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _inside(value: object) -> str:
    if isinstance(value, Html):
        return value
    if isinstance(value, list | tuple):
        return "".join(map(_inside, value))
    return "" if value is None else escape(str(value))


def page(title: str, *body: object) -> Html:
    """A whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · {BANNER}"),
        tag("link", rel="stylesheet", href="/sandbox/style.css"),
    )
    banner = tag("p", BANNER, class_="banner", role="note")
    whole = tag("html", head, tag("body", banner, tag("main", tag("h1", title), *body)), lang="en")
    return Html(f"<!doctype html>{whole}")


def form(action: str, *inner: object) -> Html:
    """A form that posts."""
    return tag("form", *inner, method="post", action=action)


def button(label: str, *, name: str | None = None, value: str | None = None, plain: bool = False) -> Html:
    """A button that sends its form."""
    return tag("button", label, type="submit", name=name, value=value, class_="plain" if plain else None)


def field(label: str, name: str, *, hint: str | None = None, **attributes: object) -> Html:
    """A labelled text field."""
    described = f"{name}-hint" if hint else None
    return tag(
        "p",
        tag("label", label, for_=name),
        tag("input", id=name, name=name, aria_describedby=described, **attributes),
        tag("small", hint, id=described) if hint else None,
        class_="field",
    )


def choice(label: str, name: str, value: str, *, checked: bool = False, kind: str = "radio") -> Html:
    """A radio button or a box, with its label around it."""
    return tag("label", tag("input", type=kind, name=name, value=value, checked=checked), " ", label, class_="choice")


def table(caption: str, headings: list[str], rows: list[list[object]]) -> Html:
    """A table; the first cell of each row is its heading."""
    head = tag("tr", [tag("th", each, scope="col") for each in headings])
    body = [tag("tr", tag("th", row[0], scope="row"), [tag("td", cell) for cell in row[1:]]) for row in rows]
    inside = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body))
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label=caption)


def alert(sentence: str) -> Html:
    """An error message."""
    return tag("p", sentence, class_="alert", role="alert")


def link(label: object, address: str) -> Html:
    return tag("a", label, href=address)
