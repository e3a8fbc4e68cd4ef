"""Operations, grants and what they were for, in the owner's words. Nothing is computed here."""

from datetime import timedelta
from typing import Any

from django import template

from credits.labels import resource_label, type_label
from credits.models import Operation

# Written later than this after it happened, both clocks are shown.
MUCH_LATER = timedelta(hours=1)

register = template.Library()


@register.filter
def operation_type(operation: Operation) -> str:
    """What it is called: "card purchase", "usage"."""
    return type_label(operation.kind, operation.source)


@register.filter
def kind_label(kind: str) -> str:
    """What an entry's kind is called."""
    return type_label(kind)


@register.filter
def source_label(source: str) -> str:
    """Where a grant came from: "card purchase"."""
    return type_label("grant", source)


@register.filter
def resource_line(resource: dict[str, Any] | None) -> str:
    """What a use was for, in one line."""
    return resource_label(resource)


@register.filter
def named(key: str, names: dict[str, str]) -> str:
    """The name that goes with a key; the key itself where there is none any more."""
    return names.get(key, key)


@register.filter
def is_written_later(operation: Operation) -> bool:
    """Whether it was written so much later than it happened that both times matter."""
    return operation.written_at - operation.occurred_at > MUCH_LATER
