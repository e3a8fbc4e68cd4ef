"""The bounds of a use's values, whatever it costs: lengths, numbers, and text that the database can store.

Checked before anything is read: a value that PostgreSQL refuses would fail every use in the same transaction. Pure.
What a feature is priced by belongs in `pricing`.
"""

import json
from datetime import MAXYEAR, MINYEAR

from usage.pricing import MAX_QUANTITY, Measures
from usage.uses import Invalid, Use

MAX_KEY_LENGTH = 200
# As the columns are.
MAX_WORD_LENGTH = 100
MAX_VIA_LENGTH = 150


def check_use(use: Use) -> None:
    """Raise Invalid, naming the field, where a value of a use can't be stored or looked up."""
    texts = f"{use.organization}{use.key}{use.feature}{use.user}{use.service}{use.measures.model}{use.via}"
    if not _is_text(texts):
        _refuse_text(use)
    if not 1 <= len(use.key) <= MAX_KEY_LENGTH:
        raise Invalid("key", f"The idempotency key must have 1 to {MAX_KEY_LENGTH} characters.")
    if not 1 <= len(use.service) <= MAX_WORD_LENGTH:
        raise Invalid("service", f"The service must have 1 to {MAX_WORD_LENGTH} characters.")
    if len(use.via) > MAX_VIA_LENGTH:
        raise Invalid("via", f"Must have at most {MAX_VIA_LENGTH} characters.")
    at = use.occurred_at
    if at is not None and (at.tzinfo is None or not MINYEAR < at.year < MAXYEAR):
        raise Invalid("occurred_at", "Must be a date and time with an offset from UTC.")
    if use.resource is not None:
        _check_resource(use.resource)
    check_measures(use.measures)


def check_measures(measures: Measures) -> None:
    """Raise Invalid where a measure is out of bounds, whether or not it is priced by."""
    if len(measures.model) > MAX_WORD_LENGTH:
        raise Invalid("model", f"The model must have at most {MAX_WORD_LENGTH} characters.")
    for field in ("input_tokens", "output_tokens", "quantity", "credits"):
        value = getattr(measures, field)
        if value is not None and not 0 <= value <= MAX_QUANTITY:
            raise Invalid(field, f"Must be from 0 to {MAX_QUANTITY}.")


def _is_text(value: str) -> bool:
    """Return whether PostgreSQL can store it: no NUL, no half of a surrogate pair."""
    if "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_text(use: Use) -> None:
    for field in ("organization", "key", "feature", "user", "service", "via"):
        if not _is_text(getattr(use, field) or ""):
            raise Invalid(field, "Must be text.")
    raise Invalid("model", "Must be text.")


def _check_resource(resource: dict[str, object]) -> None:
    try:
        text = json.dumps(resource, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        text = "\0"
    # Once escaped backslashes are removed, what still reads as an escaped NUL is one.
    if not _is_text(text) or "\\u0000" in text.replace("\\\\", ""):
        raise Invalid("resource", "Must contain only text and numbers that JSON allows.")
