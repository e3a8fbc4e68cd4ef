"""System checks for dangerous combinations of settings and for the database. They stop `migrate`, `check` and tests.

settings.py itself refuses a wrong value of a single variable.
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
    """DEBUG shows settings and source code to visitors."""
    if settings.DEBUG and settings.IS_HTTPS:
        return [
            Error(
                "DEBUG is on while BASE_URL is a public https address.",
                hint="Unset DEBUG. Its error pages show source code and settings to every visitor.",
                id="config.E001",
            )
        ]
    return []


@register(Tags.security)
def base_url_is_an_allowed_host(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Links in mails start with BASE_URL, so the site must answer there."""
    host = settings.BASE_HOST
    if any(
        host == allowed or (allowed.startswith(".") and host.endswith(allowed)) for allowed in settings.ALLOWED_HOSTS
    ):
        return []
    return [
        Error(
            f"BASE_URL names the host {host}, which ALLOWED_HOSTS does not contain.",
            hint="Links in mails would lead to error 400.",
            id="config.E002",
        )
    ]


@register(Tags.security)
def secret_is_long_on_https(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """This key signs sessions and links."""
    if settings.IS_HTTPS and len(settings.SECRET_KEY) < SHORTEST_SECRET:
        return [Error(f"SECRET_KEY is shorter than {SHORTEST_SECRET} characters.", id="config.E003")]
    return []


@register(Tags.security, deploy=True)
def sources_are_for_the_demo(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Serving static files from their sources reads the disk on each request."""
    if settings.STATIC_FILES == "sources":
        return [
            Warning(
                "STATIC_FILES is 'sources'.",
                hint="Unset it, and run `manage.py collectstatic` when you deploy.",
                id="config.W001",
            )
        ]
    return []


@register(Tags.security)
def sandbox_has_no_live_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """In the sandbox anyone can report a payment, so it must never get a live key."""
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
    """Without it every webhook is refused, and payments are found late."""
    if settings.STRIPE_SECRET_KEY and not settings.STRIPE_WEBHOOK_SECRET:
        return [
            Error(
                "STRIPE_SECRET_KEY is set, STRIPE_WEBHOOK_SECRET is not.",
                hint="Create an endpoint for /billing/webhooks/stripe/ at Stripe and set its signing secret.",
                id="config.E007",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def sandbox_is_for_the_demo(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Credits bought in the sandbox cost nothing."""
    if settings.PAYMENTS_SANDBOX_URL:
        return [Warning("PAYMENTS_SANDBOX_URL is set, so no real money is charged.", id="config.W002")]
    return []


@register(Tags.security, deploy=True)
def proxy_is_counted(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The web server itself speaks http. Without a trusted proxy it would redirect every request to https."""
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
    """Mails hold links that sign people in. Printed ones end up in the log and reach nobody."""
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
    """Without them every page fails, since its stylesheets have no names."""
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
    """An owner of the ledger's tables, or a superuser, can disable the triggers that keep it append-only."""
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
                    f"The database role of DATABASE_URL {what}, so it can disable the ledger's triggers.",
                    hint="Run the web server and the worker as a role that owns no table; migrate as the owner.",
                    id="config.W004",
                )
            )
    return messages


@register(Tags.database)
def postgresql_is_new_enough(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The ledger's constraints and locks need PostgreSQL 15 or newer."""
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
