"""Every address: either it asks who is there, or it is on the list below, with the reason."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

# Whoever adds a line here says why a stranger may see the page.
PUBLIC = {
    "account_login": "signing in",
    "account_signup": "signing up",
    "account_logout": "harmless: asks for a POST",
    "account_inactive": "says that the account is switched off",
    "account_reset_password": "asks for a mail",
    "account_reset_password_done": "says that a mail was sent",
    "account_reset_password_from_key": "the key is the proof",
    "account_reset_password_from_key_done": "says that it is done",
    "account_request_login_code": "asks for a mailed code",
    "account_confirm_login_code": "the code is the proof",
    "account_confirm_email": "the key is the proof",
    "account_email_verification_sent": "says that a mail was sent",
    "mfa_login_webauthn": "signing in with a passkey",
    "mfa_authenticate": "the second step of signing in",
    "home": "sends strangers to sign in",
    "set_language": "remembers a language, for the sign-in page too",
    "invitation": "the token is the proof",
    "unsubscribe": "the token is the proof",
    "accept_invitation": "sends strangers to sign in, and comes back",
    "admin:login": "signing in",
    "admin:logout": "sends strangers to the start",
    "admin:jsi18n": "words for the admin's scripts",
}
# These answer programs, not people, and have their own tests: 401 without a key, 400 without a signature.
FOR_PROGRAMS = ("api/", "billing/webhooks/")
# Where a stranger is sent.
SIGN_IN = re.compile(r"^/(accounts|admin)/(login|reauthenticate)/")


def addresses(resolver: URLResolver, prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Every (name, path with its parameters filled in) below a resolver."""
    for entry in resolver.url_patterns:
        path = prefix + _filled(entry)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, path, f"{entry.namespace}:" if entry.namespace else space)
        else:
            yield space + (entry.name or path), path


def _filled(entry: URLPattern | URLResolver) -> str:
    """A part of an address with something plausible in each place, whether it is written as a path or a regex."""
    text = str(entry.pattern)
    text = re.sub(r"<uuid:\w+>", "0" * 8 + "-0000" * 3 + "-" + "0" * 12, text)
    text = re.sub(r"<(?:\w+:)?\w+>", "1", text)
    text = re.sub(r"\(\?P<\w+>[^)]*\)|\([^)]*\)", "1", text)
    return text.strip("^").removesuffix("$").removesuffix(r"\Z").replace("\\", "")


def all_addresses() -> list[tuple[str, str]]:
    found = addresses(get_resolver())
    return [(name, path) for name, path in found if not path.startswith(FOR_PROGRAMS)]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_sign_in_everywhere_else(client: Client, method: str) -> None:
    open_doors = {}
    for name, path in all_addresses():
        if name in PUBLIC:
            continue
        response = getattr(client, method)(f"/{path}")
        sent_to_sign_in = response.status_code == 302 and SIGN_IN.match(response["Location"])
        # 405: the address takes only the other method, which is tried too.
        if not sent_to_sign_in and response.status_code != 405:
            open_doors[f"{name} /{path}"] = response.status_code

    assert open_doors == {}, "Ask who is there, or say in PUBLIC why a stranger may see it"


def test_the_list_of_public_pages_names_only_pages_that_exist() -> None:
    assert set(PUBLIC) - {name for name, _ in all_addresses()} == set()


def test_every_address_ends_with_a_slash() -> None:
    exceptions = (".json", ".csv", ".txt", "admin/1")  # the last is the admin's own catch-all

    assert [path for _, path in all_addresses() if path and not path.endswith(("/", *exceptions))] == []
