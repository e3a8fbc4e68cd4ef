"""Which days, and how a sum differs from that of the range before, for templates, in the active language."""

from django import template
from django.utils.html import format_html
from django.utils.translation import get_language, pgettext

from credits.models import Program
from organizations.calendar import Days
from organizations.formats import MINUS, format_credits, format_share
from organizations.templatetags.formats import day
from usage.reports import Line

register = template.Library()


@register.simple_tag
def stretch(days: Days) -> str:
    """Days as `<time>` elements: "Nov 1, 2026 – Nov 21, 2026", or the one day."""
    if days.first == days.last:
        return day(days.first)
    return format_html("{} – {}", day(days.first), day(days.last))


@register.filter
def change(line: Line, program: Program) -> str:
    """The difference in credits: "+120", "−12", "0"."""
    return format_credits(line.difference, decimals=program.decimals, language=get_language() or "en", signed=True)


@register.filter
def percent_change(line: Line) -> str:
    """The difference in whole per cent of what it was before: "+25%", "−100%"; "new" where it was nothing."""
    if not line.before and line.credits:
        return pgettext("compared with nothing before", "new")
    sign = "+" if line.difference > 0 else MINUS if line.difference < 0 else ""
    return sign + format_share(abs(line.difference), line.before or 0, language=get_language() or "en")
