"""The page of API keys, as Alice uses it."""

import re

import pytest
from django.test import Client

from organizations import api_keys
from organizations.models import ApiKey, AuditEvent, Organization, User
from tests.support.pages.owner_pages import signed_in

CREATE = "/o/acme/keys/create/"


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


@pytest.fixture
def key(acme: Organization, alice: User) -> ApiKey:
    return api_keys.create_key(organization=acme, name="CI", scope="read", created_by=alice)[0]


def test_a_new_key_is_shown_on_the_answer_and_works(alices: Client, acme: Organization, alice: User) -> None:
    response = alices.post(CREATE, {"name": "Importer", "scope": "spend"})

    assert response.status_code == 201
    assert "no-store" in response["Cache-Control"]
    shown = re.search(r"dd_[0-9a-z]{32}", response.content.decode())
    assert shown
    found = api_keys.authenticate(shown[0])
    assert found is not None
    assert (found.organization_id, found.may_spend) == (acme.pk, True)
    assert AuditEvent.objects.get(action="api_key.created").actor == alice


def test_and_on_no_page_after_it(alices: Client) -> None:
    text = alices.post(CREATE, {"name": "Importer", "scope": "read"}).context["secret"]
    page = alices.get("/o/acme/keys/").content.decode()

    assert text not in page
    assert text[:7] in page


def test_a_second_click_makes_no_second_key(alices: Client) -> None:
    alices.post(CREATE, {"name": "Importer", "scope": "read"})
    response = alices.post(CREATE, {"name": "Importer", "scope": "read"})

    assert response.status_code == 409
    assert "A key named Importer already exists." in response.content.decode()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "", "scope": "read"}, "This field is required."),
        ({"name": "Importer", "scope": "everything"}, "everything is not one of the available choices"),
        ({"name": "Importer"}, "This field is required."),
    ],
)
def test_what_makes_no_sense_is_refused(alices: Client, fields: dict[str, str], sentence: str) -> None:
    response = alices.post(CREATE, fields)

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not ApiKey.objects.exists()


def test_nobody_can_choose_whose_key_it_is(alices: Client, acme: Organization, charlie: User) -> None:
    globex = Organization.objects.get(slug="globex")
    alices.post(CREATE, {"name": "Importer", "scope": "read", "organization": globex.pk, "key_hash": "0" * 64})

    assert ApiKey.objects.get().organization == acme


def test_alice_revokes_a_key_once_however_often_she_clicks(alices: Client, key: ApiKey) -> None:
    for _click in range(2):
        page = alices.post(f"/o/acme/keys/{key.public_id}/revoke/", follow=True).content.decode()

    assert "The key CI is already revoked." in page
    assert AuditEvent.objects.filter(action="api_key.revoked").count() == 1


def test_another_organizations_key_does_not_exist(alices: Client, charlie: User) -> None:
    globex = Organization.objects.get(slug="globex")
    theirs, text = api_keys.create_key(organization=globex, name="CI", scope="read", created_by=charlie)

    assert alices.post(f"/o/acme/keys/{theirs.public_id}/revoke/").status_code == 404
    assert api_keys.authenticate(text)


def test_a_product_servers_key_is_not_listed(alices: Client, alice: User) -> None:
    api_keys.create_key(organization=None, name="Product server", scope="spend", created_by=alice)

    assert "Product server" not in alices.get("/o/acme/keys/").content.decode()


@pytest.mark.parametrize("action", ["create", "revoke"])
def test_every_action_is_a_post_by_an_owner(
    alices: Client, key: ApiKey, bob: User, charlie: User, client: Client, action: str
) -> None:
    url = CREATE if action == "create" else f"/o/acme/keys/{key.public_id}/revoke/"
    fields = {"name": "Mine", "scope": "spend"}

    assert alices.get(url).status_code == 405
    assert signed_in(bob).post(url, fields).status_code == 403
    assert signed_in(charlie).post(url, fields).status_code == 404
    assert client.post(url, fields).status_code == 302
    assert list(ApiKey.objects.filter(revoked_at=None)) == [key]
