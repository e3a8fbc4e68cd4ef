"""Two reports compared: what was used in a range of days, and in the range before it. Pure."""

from dataclasses import replace

from usage.reports.lines import Dimension, Line, UsageReport


def compared(report: UsageReport, before: UsageReport) -> UsageReport:
    """Return the report with what each of its sums was in the range before.

    What was used then but not now comes last, with a sum of zero, so that the differences of every table add up to that
    of the total. If nothing was used in the range before, the report is returned as it is.
    """
    if not before.total.uses:
        return report
    return replace(
        report,
        total=replace(report.total, before=before.total.credits),
        by={dimension: _lines(report, before, dimension) for dimension in report.by},
    )


def _lines(report: UsageReport, before: UsageReport, dimension: Dimension) -> list[Line]:
    earlier = {line.key: line for line in before.by[dimension]}
    lines = [replace(line, before=_credits(earlier.pop(line.key, None))) for line in report.by[dimension]]
    gone = [
        Line(line.name, 0, 0, key=line.key, choice=line.choice, is_nameless=line.is_nameless, before=line.credits)
        for line in earlier.values()
    ]
    return [*lines, *gone]


def _credits(line: Line | None) -> int:
    return line.credits if line else 0
