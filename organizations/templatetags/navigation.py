"""Links of the navigation: which there are, and which one the reader is on.

Knows addresses, not permissions: the layouts decide what is shown to whom.
"""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

register = template.Library()


@register.simple_tag(takes_context=True)
def navigation_item(context: template.Context, url_name: str, label: str, *siblings: str) -> str:
    """Give a list item that links to `url_name`, for the context's organization if the address is one of its own.

    The item of the page being read, or of the page above it, carries `aria-current`; so does an item whose `siblings`
    (names of addresses that are reached from it and don't begin with its own) lead there. An address that does not
    exist gives nothing.
    """
    organization = context.get("organization")
    url = _address(url_name, organization)
    if url is None:
        return ""
    path = getattr(context.get("request"), "path", "")
    if path == url:
        current = "page"
    elif url_name != "dashboard" and any(_leads_to(path, name, organization) for name in (url_name, *siblings)):
        current = "true"
    else:
        return format_html('<li><a href="{}">{}</a></li>', url, label)
    return format_html('<li><a href="{}" aria-current="{}">{}</a></li>', url, current, label)


def _leads_to(path: str, url_name: str, organization: Any) -> bool:
    url = _address(url_name, organization)
    return url is not None and path.startswith(url)


def _address(url_name: str, organization: Any) -> str | None:
    try:
        return reverse(url_name, args=[organization.slug] if organization else [])
    except NoReverseMatch:
        return None
