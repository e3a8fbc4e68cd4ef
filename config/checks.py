"""System checks: what is dangerous though each setting alone is valid. They stop `migrate`, `check` and the tests.

What a single variable gets wrong is refused in settings.py already; here only combinations and the outer world.
"""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own word
from django.db import connections

OLDEST_POSTGRESQL = 150_000  # as the server counts: 15.0
SHORTEST_SECRET = 32


@register(Tags.security)
def debug_is_for_localhost(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """DEBUG shows settings and source to visitors."""
    if settings.DEBUG and settings.IS_HTTPS:
        return [
            Error(
                "DEBUG is on while BASE_URL is a public https address.",
                hint="Unset DEBUG: its error pages show source and settings to every visitor.",
                id="config.E001",
            )
        ]
    return []


@register(Tags.security)
def base_url_is_an_allowed_host(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Links in mail go to BASE_URL; the site must answer there."""
    host = settings.BASE_HOST
    if any(
        host == allowed or (allowed.startswith(".") and host.endswith(allowed)) for allowed in settings.ALLOWED_HOSTS
    ):
        return []
    return [
        Error(
            f"BASE_URL names the host {host}, which ALLOWED_HOSTS does not contain.",
            hint="Links in mail would lead to pages that answer 400.",
            id="config.E002",
        )
    ]


@register(Tags.security)
def secret_is_long_on_https(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Sessions and signed links are as safe as this key."""
    if settings.IS_HTTPS and len(settings.SECRET_KEY) < SHORTEST_SECRET:
        return [Error(f"SECRET_KEY is shorter than {SHORTEST_SECRET} characters.", id="config.E003")]
    return []


@register(Tags.security, deploy=True)
def sources_are_for_the_demo(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Serving static files from their sources looks at the disk on each request."""
    if settings.STATIC_FILES == "sources":
        return [
            Warning(
                "STATIC_FILES is 'sources'.",
                hint="Unset it and run `manage.py collectstatic` when you deploy.",
                id="config.W001",
            )
        ]
    return []


@register(Tags.security)
def sandbox_has_no_live_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """In the sandbox anyone can say that something was paid; a live key must never go there."""
    if settings.PAYMENTS_SANDBOX_URL and "_live_" in settings.STRIPE_SECRET_KEY:
        return [
            Error(
                "STRIPE_SECRET_KEY is a live key while PAYMENTS_SANDBOX_URL is set.",
                hint="Unset PAYMENTS_SANDBOX_URL to take real payments, or use a test key.",
                id="config.E006",
            )
        ]
    return []


@register(Tags.security)
def key_has_its_webhook_secret(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without it every webhook is refused, and what was paid is noticed late."""
    if settings.STRIPE_SECRET_KEY and not settings.STRIPE_WEBHOOK_SECRET:
        return [
            Error(
                "STRIPE_SECRET_KEY is set, STRIPE_WEBHOOK_SECRET is not.",
                hint="Make an endpoint for /billing/webhooks/stripe/ at Stripe and set its signing secret.",
                id="config.E007",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def sandbox_is_for_the_demo(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Credits bought in the sandbox cost nothing."""
    if settings.PAYMENTS_SANDBOX_URL:
        return [Warning("PAYMENTS_SANDBOX_URL is set: credits are sold for play money.", id="config.W002")]
    return []


@register(Tags.database)
def postgresql_is_new_enough(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The ledger's constraints and locks are proven on PostgreSQL 15 and newer only."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "postgresql":
            messages.append(Error("DATABASE_URL must name a PostgreSQL server.", id="config.E004"))
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
            number, version = cursor.fetchone()
        if number < OLDEST_POSTGRESQL:
            messages.append(Error(f"PostgreSQL is {version}; Drawdown needs 15 or newer.", id="config.E005"))
    return messages
