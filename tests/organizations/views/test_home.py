"""Where people land after signing in."""

from django.test import Client

from organizations.models import Organization, Role, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in


def test_the_owner_of_one_organization_is_sent_to_its_dashboard(acme: Organization, alice: User) -> None:
    assert signed_in(alice).get("/")["Location"] == "/o/acme/"


def test_the_owner_of_several_chooses(acme: Organization, alice: User) -> None:
    factories.organization(alice, slug="initech", name="Initech")
    page = signed_in(alice).get("/").content.decode()

    assert 'href="/o/acme/"' in page
    assert 'href="/o/initech/"' in page


def test_a_member_is_not_sent_to_a_page_that_refuses_them(acme: Organization, bob: User) -> None:
    page = signed_in(bob).get("/").content.decode()

    assert "Acme" in page
    assert 'href="/o/acme/leave/"' in page


def test_a_closed_organization_is_not_offered(acme: Organization, alice: User) -> None:
    closed = factories.organization(alice, slug="initech", name="Initech")
    Organization.objects.filter(pk=closed.pk).update(closed_at="2026-01-01T00:00Z")

    assert signed_in(alice).get("/")["Location"] == "/o/acme/"


def test_whoever_belongs_nowhere_is_told_what_to_do(db: None) -> None:
    page = signed_in(factories.person("Dora")).get("/").content.decode()

    assert "You aren't a member of any organization yet." in page


def test_the_anonymous_sign_in(client: Client, db: None) -> None:
    assert client.get("/")["Location"] == "/accounts/login/?next=/"


def test_an_owner_here_and_member_there_chooses(acme: Organization, alice: User, charlie: User) -> None:
    factories.member(acme, charlie, role=Role.MEMBER)
    page = signed_in(charlie).get("/").content.decode()

    assert 'href="/o/globex/"' in page
    assert 'href="/o/acme/"' not in page
