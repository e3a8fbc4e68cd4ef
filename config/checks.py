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


@register(Tags.security, deploy=True)
def proxy_is_counted(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The web server speaks plain http: unless a proxy says what the browser used, each request is sent to https."""
    if settings.IS_HTTPS and not settings.TRUSTED_PROXIES:
        return [
            Error(
                "TRUSTED_PROXIES is 0 while BASE_URL is https: every page would redirect to itself.",
                hint="Set it to the number of proxies in front of the web server, usually 1.",
                id="config.E008",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def mail_leaves_the_machine(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Mails carry links that sign people in; printed ones land in the log, and reach nobody."""
    if settings.EMAIL_BACKEND == "django.core.mail.backends.console.EmailBackend":
        return [
            Warning(
                "Emails are printed, not sent.",
                hint="Set EMAIL_URL, such as smtp+tls://user:password@mail.example.com:587.",
                id="config.W003",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def static_files_are_collected(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without them every page is an error: its stylesheets can't be named."""
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    if settings.STATIC_FILES == "collected" and not manifest.exists():
        return [
            Error("Static files are not collected.", hint="Run `manage.py collectstatic --noinput`.", id="config.E009")
        ]
    return []


@register(Tags.database, deploy=True)
def role_owns_no_table(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Whoever owns the ledger's tables, or is a superuser, can switch off the triggers that keep it append-only."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper, EXISTS (SELECT FROM pg_class WHERE relname = 'credits_entry'"
                " AND pg_has_role(current_user, relowner, 'USAGE')) FROM pg_roles WHERE rolname = current_user"
            )
            is_superuser, is_owner = cursor.fetchone()
        if is_superuser or is_owner:
            what = "is a superuser" if is_superuser else "owns the ledger's tables"
            messages.append(
                Warning(
                    f"The database role of DATABASE_URL {what}, so it can switch off the ledger's triggers.",
                    hint="Run the web server and the worker as a role that owns no table; migrate as the owner.",
                    id="config.W004",
                )
            )
    return messages


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
