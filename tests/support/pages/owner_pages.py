"""Visitors of pages, and what every owners' page must do, asked once: the four kinds of visitors, and which methods."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string

from organizations.models import Organization, User
from tests.support import factories


def signed_in(user: User) -> Client:
    """A browser in which the person has signed in."""
    client = Client()
    client.force_login(user)
    return client


def sign_in_directly() -> None:
    """Have Django's test client sign somebody in with one statement, where signing in is not what is tested.

    It writes the session that signing in leaves behind; the real way there takes fifteen statements. A visitor whose
    session holds something already goes that way.
    """
    in_full = Client.force_login

    def force_login(client: Client, user: User, backend: str | None = None) -> None:
        if settings.SESSION_COOKIE_NAME in client.cookies:
            in_full(client, user, backend)
            return
        session = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: backend or settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        row = Session.objects.create(
            session_key=get_random_string(32),
            session_data=SessionStore().encode(session),
            expire_date=timezone.now() + timedelta(days=1),
        )
        client.cookies[settings.SESSION_COOKIE_NAME] = row.session_key

    setattr(Client, "force_login", force_login)  # noqa: B010 - a method is replaced on purpose


def assert_for_owners_alone(url: str, *, organization: Organization, owner: User) -> None:
    """The owner gets in; Bob, a member, is told who the owners are; Charlie, a stranger, learns nothing; anonymous
    visitors are sent to sign in; and nobody posts."""
    bob, charlie = factories.person("Bob"), factories.person("Charlie")
    factories.member(organization, bob)
    factories.organization(charlie, slug="globex")

    assert signed_in(owner).get(url).status_code == 200
    assert signed_in(owner).head(url).status_code == 200
    assert signed_in(owner).post(url).status_code == 405
    refusal = signed_in(bob).get(url)
    assert refusal.status_code == 403
    assert owner.name in refusal.content.decode()
    assert signed_in(charlie).get(url).status_code == 404
    anonymous = Client().get(url)
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/accounts/login/")
