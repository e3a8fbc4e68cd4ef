"""Links of the navigation, with the current one marked. Layouts decide which links a person sees."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

register = template.Library()


@register.simple_tag(takes_context=True)
def navigation_item(context: template.Context, url_name: str, label: str, *siblings: str) -> str:
    """Return a list item that links to `url_name`, for the context's organization if there is one.

    It has `aria-current` on that page and on pages below it, and on those of its `siblings`: names of addresses that
    are reached from it but don't begin with its own. If the address does not exist, nothing is returned.
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
