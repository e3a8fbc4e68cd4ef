"""The chart of usage over time, as `components/chart.html` takes it: a bar for every day or month. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from babel.dates import format_skeleton
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from credits.balance.chart import day_labels, grid, hundredths, scale_for, written, written_day
from credits.models import Program
from organizations.formats import format_credits
from usage.reports import Line, UsageReport

# How much of its width a bar fills, in per cent.
BAR = 72


def usage_chart(report: UsageReport, *, program: Program, today: date) -> dict[str, Any]:
    """Return the chart of a report over time. Today's bar, or this month's, is drawn as unfinished."""
    lines = report.over_time
    scale = scale_for([line.credits for line in lines])
    running = today.replace(day=1) if report.by_month else today
    has_unfinished = any(line.bucket == running and line.credits for line in lines)
    return {
        "id": "usage-over-time",
        "title": _("By month") if report.by_month else _("By day"),
        "description": _description(report, program),
        "template": "usage/reports/chart.html",
        "grid": grid(scale, program),
        "bars": [
            {
                "kind": "chart-bar chart-bar-unfinished" if line.bucket == running else "chart-bar",
                "x": hundredths((2 * n * 100 + 100 - BAR) * 500 // len(lines)),
                "width": hundredths(BAR * 1_000 // len(lines)),
                "y": hundredths(scale.height(line.credits)),
                "height": hundredths(10_000 - scale.height(line.credits)),
                "title": f"{_when(line, report)}\n{written(line.credits, program)}",
            }
            for n, line in enumerate(lines)
            if line.credits
        ],
        "labels": _month_labels(lines)
        if report.by_month
        else day_labels([line.bucket for line in lines if line.bucket]),
        "legend": [{"kind": "chart-bar chart-bar-unfinished", "label": _("So far, not final")}]
        if has_unfinished
        else [],
        **_table(report, program),
    }


def month_name(day: date) -> str:
    """Write a month in the active language: "November 2023"."""
    return str(format_skeleton("yMMMM", day, locale=(get_language() or "en").replace("-", "_")))


def _when(line: Line, report: UsageReport) -> str:
    if line.bucket is None:
        return ""
    return month_name(line.bucket) if report.by_month else written_day(line.bucket)


def _description(report: UsageReport, program: Program) -> str:
    most = max(report.over_time, key=lambda line: line.credits)
    if not most.credits:
        return _("No usage.")
    words = ngettext(
        "%(uses)s use, %(total)s in total. Most on %(when)s: %(most)s.",
        "%(uses)s uses, %(total)s in total. Most on %(when)s: %(most)s.",
        report.total.uses,
    )
    if report.by_month:
        words = ngettext(
            "%(uses)s use, %(total)s in total. Most in %(when)s: %(most)s.",
            "%(uses)s uses, %(total)s in total. Most in %(when)s: %(most)s.",
            report.total.uses,
        )
    return words % {
        "uses": count(report.total.uses),
        "total": written(report.total.credits, program),
        "when": _when(most, report),
        "most": written(most.credits, program),
    }


def count(number: int) -> str:
    """Write a whole number in the active language."""
    return format_credits(number, decimals=0, language=get_language() or "en")


def _month_labels(lines: Sequence[Line]) -> list[dict[str, str]]:
    first, last = lines[0].bucket, lines[-1].bucket
    if first is None or last is None:
        return []
    return [
        {"x": "0.00", "kind": "", "text": month_name(first)},
        {"x": "100.00", "kind": "chart-label-end", "text": month_name(last)},
    ]


def _table(report: UsageReport, program: Program) -> dict[str, Any]:
    lines = [line for line in report.over_time if line.uses]
    return {
        "columns": [
            {"label": _("Month") if report.by_month else _("Day")},
            {"label": _("Uses"), "number": True},
            {"label": _("Used"), "number": True},
        ],
        "rows": [[_when(line, report), count(line.uses), written(line.credits, program)] for line in reversed(lines)],
        "total": [_("Total"), count(report.total.uses), written(report.total.credits, program)],
    }
