"""What every owners' page must do, asked once: the four kinds of visitors, and which methods it takes."""

from django.test import Client

from organizations.models import Organization, User
from tests.support import factories


def signed_in(user: User) -> Client:
    """A browser in which the person has signed in."""
    client = Client()
    client.force_login(user)
    return client


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
