"""The page of what is set for the organization, as Alice uses it."""

import pytest
from django.test import Client

from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, Organization, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in

URL = "/o/acme/settings/"
WANTED = {"name": "Acme & Sons", "time_zone": "Asia/Tokyo", "language": "ja"}


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


def test_alice_sets_name_time_zone_and_language(alices: Client, acme: Organization, alice: User) -> None:
    response = alices.post(URL, WANTED, follow=True)

    assert "Settings saved." in response.content.decode()
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone, acme.language) == ("Acme & Sons", "Asia/Tokyo", "ja")
    event = AuditEvent.objects.get(action="organization.changed")
    assert event.actor == alice
    assert event.details["time_zone"] == {"from": "UTC", "to": "Asia/Tokyo"}


def test_twice_is_once(alices: Client) -> None:
    alices.post(URL, WANTED)
    alices.post(URL, WANTED)

    assert AuditEvent.objects.filter(action="organization.changed").count() == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"time_zone": "Tokyo"}, "Tokyo is not one of the available choices"),
        ({"language": "tlh"}, "tlh is not one of the available choices"),
    ],
)
def test_what_makes_no_sense_is_refused(
    alices: Client, acme: Organization, wrong: dict[str, str], sentence: str
) -> None:
    response = alices.post(URL, {**WANTED, **wrong})

    assert response.status_code == 422
    assert sentence in response.content.decode()
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_what_the_form_does_not_hold_can_not_be_set(alices: Client, acme: Organization) -> None:
    alices.post(URL, {**WANTED, "currency": "USD", "slug": "mine", "closed_at": "2026-01-01"})

    acme.refresh_from_db()
    assert (acme.currency, acme.slug, acme.closed_at) == ("JPY", "acme", None)


def test_two_factors_are_asked_of_others_only_by_whoever_has_them(
    alices: Client, acme: Organization, alice: User
) -> None:
    response = alices.post(URL, {**WANTED, "requires_two_factor": "on"})
    assert response.status_code == 409
    assert "Set up two-factor authentication for yourself first." in response.content.decode()

    give_totp(alice, factories.TOTP_SECRET)
    alices.post(URL, {**WANTED, "requires_two_factor": "on"})
    acme.refresh_from_db()
    assert acme.requires_two_factor


def test_others_can_not_set_anything(acme: Organization, bob: User, charlie: User, client: Client) -> None:
    assert signed_in(bob).post(URL, WANTED).status_code == 403
    assert signed_in(charlie).post(URL, WANTED).status_code == 404
    assert client.post(URL, WANTED).status_code == 302
    acme.refresh_from_db()
    assert acme.name == "Acme"
