"""Where Drawdown differs from django-allauth: links in mails start with BASE_URL, never with the request's host."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from organizations.models import Language, User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Creates accounts and sends their mails."""

    def new_user(self, request: HttpRequest) -> User:
        """Keep the language in which the person signed up."""
        user: User = super().new_user(request)
        language = get_language()
        user.language = language if language in Language.values else Language.ENGLISH
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Rewrite this site's addresses to BASE_URL, so that a forged Host header never gets into a mail."""
        here = allauth_context.request.build_absolute_uri("/")
        base = settings.BASE_URL.rstrip("/") + "/"
        rebased = {
            key: base + value.removeprefix(here) if isinstance(value, str) and value.startswith(here) else value
            for key, value in context.items()
        }
        rebased["current_site"] = SimpleNamespace(name="Drawdown", domain=urlsplit(base).netloc)
        super().send_mail(template_prefix, email, rebased)
