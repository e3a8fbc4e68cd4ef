"""What tests of the pages about limits share: limits, uses that count against them, and what a page says."""

from typing import Any

from django.contrib.messages import get_messages

from tests.support.usage.usage_stage import NOW, Stage
from usage import limits
from usage.models import Limit
from usage.pricing import Measures


def limit(stage: Stage, credits: int, **terms: Any) -> Limit:
    """Set a limit of the organization, a team or a user."""
    return limits.set_limit(organization=stage.organization, credits=credits, actor=stage.owner, now=NOW, **terms)


def use(stage: Stage, credits: int, **fields: Any) -> None:
    """Use so many credits."""
    stage.pay(f"{credits}", "enrich", measures=Measures(quantity=credits), **fields)


def said(response: Any) -> str:
    """Return the messages that the next page shows on top."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def text(response: Any) -> str:
    """Return a page as one line."""
    return " ".join(response.content.decode().split())
