"""A report's lines as tables, with the address that each row leads to. Reads nothing."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from usage.reports import Dimension, Line, UsageReport
from usage.reports.links import Links

# Rows of a table; the rest is added up in one line, so that every table has the same total.
MOST_ROWS = 100
SUMS = ("credits", "uses", "refunded", "input_tokens", "output_tokens", "quantity")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table. url: the same days, filtered by it; empty if that would change nothing."""

    line: Line
    url: str = ""


def tables(report: UsageReport, links: Links | None = None) -> list[dict[str, Any]]:
    """Return a table for every dimension with lines to distinguish. links: makes the addresses of rows."""
    titles: dict[Dimension, tuple[str, str]] = {
        "service": (_("By service"), _("Service")),
        "user": (_("By user"), _("User")),
        "feature": (_("By feature"), _("Feature")),
        "team": (_("By team"), _("Team")),
        "model": (_("By model"), _("Model")),
    }
    return [
        {
            "id": f"by-{dimension}",
            "title": title,
            "column": column,
            "rows": [Row(line, _url(links, dimension, line)) for line in _shortened(report.by[dimension])],
            "opens": any(line.parts for line in report.by[dimension]),
        }
        for dimension, (title, column) in titles.items()
        if _has_lines(dimension, report.by.get(dimension, []))
    ]


def _has_lines(dimension: Dimension, lines: list[Line]) -> bool:
    return bool(lines) and not (dimension in {"team", "model"} and len(lines) == 1 and lines[0].is_nameless)


def _url(links: Links | None, dimension: Dimension, line: Line) -> str:
    if links is None or not line.choice or dimension in links.asked:
        return ""
    return links.query({dimension: line.choice})


def _shortened(lines: list[Line]) -> list[Line]:
    rest = lines[MOST_ROWS:]
    if not rest:
        return lines
    sums = {name: sum(getattr(line, name) for line in rest) for name in SUMS}
    others = Line(**{"name": _("%(count)s others") % {"count": len(rest)}, **sums})
    if rest[0].before is not None:
        others = replace(others, before=sum(line.before or 0 for line in rest))
    return [*lines[:MOST_ROWS], others]
