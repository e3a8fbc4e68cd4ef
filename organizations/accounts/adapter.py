"""What Drawdown does differently from django-allauth: links in its mails come from BASE_URL, never from the request."""

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
    """Signing up and its mails."""

    def new_user(self, request: HttpRequest) -> User:
        """Whoever signs up keeps the language that they signed up in."""
        user: User = super().new_user(request)
        language = get_language()
        user.language = language if language in Language.values else Language.ENGLISH
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A forged Host header must not get into a mail: addresses of this site are built on BASE_URL instead."""
        here = allauth_context.request.build_absolute_uri("/")
        base = settings.BASE_URL.rstrip("/") + "/"
        rebased = {
            key: base + value.removeprefix(here) if isinstance(value, str) and value.startswith(here) else value
            for key, value in context.items()
        }
        rebased["current_site"] = SimpleNamespace(name="Drawdown", domain=urlsplit(base).netloc)
        super().send_mail(template_prefix, email, rebased)
