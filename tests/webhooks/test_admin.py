"""Webhooks in the admin: Stella makes endpoints for all organizations, and sends again what was given up."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from organizations.models import AuditEvent, Organization, User
from tests.support.pages.owner_pages import signed_in
from tests.webhooks.conftest import NOW
from webhooks import signing
from webhooks.by_hand import send_test
from webhooks.delivery import deliver_due
from webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookSecret

ENDPOINTS = "/admin/webhooks/webhookendpoint/"
DELIVERIES = "/admin/webhooks/webhookdelivery/"
FORM = {"organization": "", "url": "http://10.0.0.1/", "allows_private": "on", "reason": "The product's own server"}


@pytest.fixture
def stellas(stella: User) -> Client:
    return signed_in(stella)


def act(endpoint: WebhookEndpoint, name: str) -> str:
    return f"{ENDPOINTS}{endpoint.pk}/{name}/"


def answer() -> dict[str, str]:
    return {"reason": "They asked", "token": str(uuid4())}


@pytest.fixture
def given_up(endpoint: WebhookEndpoint, stella: User) -> WebhookDelivery:
    delivery = send_test(endpoint=endpoint, actor=stella, now=NOW)
    deliver_due(NOW)
    WebhookDelivery.objects.update(state="failed")
    return delivery


class TestEndpoints:
    def test_one_for_all_organizations_is_made_with_a_reason(self, stellas: Client, stella: User) -> None:
        response = stellas.post(f"{ENDPOINTS}add/", FORM)

        endpoint = WebhookEndpoint.objects.get()
        assert (endpoint.organization, endpoint.allows_private) == (None, True)
        secret = signing.unseal(WebhookSecret.objects.get().sealed)
        assert secret in response.content.decode()
        assert "no-store" in response["Cache-Control"]
        assert secret not in stellas.get(f"{ENDPOINTS}{endpoint.pk}/change/").content.decode()
        event = AuditEvent.objects.get(action="webhook_endpoint.created")
        assert (event.actor, event.reason) == (stella, "The product's own server")

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"reason": ""}, "This field is required."),
            ({"allows_private": ""}, "The URL must start with https://"),
            ({"url": "http://169.254.169.254/"}, "The URL must be on the public internet."),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, stellas: Client, fields: dict[str, str], sentence: str) -> None:
        assert sentence in stellas.post(f"{ENDPOINTS}add/", {**FORM, **fields}).content.decode()
        assert not WebhookEndpoint.objects.exists()

    def test_a_taken_address_is_refused(self, stellas: Client) -> None:
        stellas.post(f"{ENDPOINTS}add/", FORM)

        response = stellas.post(f"{ENDPOINTS}add/", FORM, follow=True)
        assert "with this Organization and URL already exists" in response.content.decode()
        assert WebhookEndpoint.objects.count() == 1

    def test_one_is_changed_but_never_handed_to_another_organization(
        self, stellas: Client, public: WebhookEndpoint, globex: Organization
    ) -> None:
        url = f"{ENDPOINTS}{public.pk}/change/"
        assert "https://acme.example/hooks" in stellas.get(url).content.decode()
        fields = {"url": "https://new.example/", "event_types": ["balance.low"], "reason": "They moved"}
        stellas.post(url, {**fields, "organization": globex.pk})

        owner = public.organization
        public.refresh_from_db()
        assert (public.url, public.event_types, public.organization) == ("https://new.example/", ["balance.low"], owner)
        assert AuditEvent.objects.get(action="webhook_endpoint.changed").reason == "They moved"

    @pytest.mark.parametrize(
        ("name", "action"),
        [("test", "tested"), ("disable", "disabled"), ("rotate", "secret_rotated")],
    )
    def test_what_is_done_with_one_asks_why(
        self, stellas: Client, public: WebhookEndpoint, name: str, action: str
    ) -> None:
        current = WebhookSecret.objects.get().pk
        assert 'name="reason"' in stellas.get(act(public, name)).content.decode()
        assert stellas.post(act(public, name), {"reason": ""}).status_code == 422
        assert not AuditEvent.objects.filter(action=f"webhook_endpoint.{action}").exists()
        for _click in range(2):
            stellas.post(act(public, name), {**answer(), "replaces": current})

        assert AuditEvent.objects.get(action=f"webhook_endpoint.{action}").reason == "They asked"

    def test_the_page_of_a_new_secret_names_the_one_that_it_replaces(
        self, stellas: Client, public: WebhookEndpoint
    ) -> None:
        current = WebhookSecret.objects.get().pk
        assert f'value="{current}"' in stellas.get(act(public, "rotate")).content.decode()
        stellas.post(act(public, "rotate"), {**answer(), "replaces": current})

        again = stellas.post(act(public, "rotate"), {**answer(), "replaces": current})

        assert again.status_code == 422
        assert "The secret was replaced a moment ago." in again.content.decode()

    def test_one_is_switched_on_again(self, stellas: Client, public: WebhookEndpoint) -> None:
        WebhookEndpoint.objects.update(disabled_at=NOW)
        stellas.post(act(public, "enable"), answer())

        public.refresh_from_db()
        assert public.disabled_at is None

    def test_nobody_else_gets_in(self, public: WebhookEndpoint, alice: User) -> None:
        assert signed_in(alice).post(act(public, "disable"), answer()).status_code == 302
        public.refresh_from_db()
        assert public.disabled_at is None


class TestDeliveries:
    def test_they_are_found_and_read_but_not_changed(self, stellas: Client, given_up: WebhookDelivery) -> None:
        url = f"{DELIVERIES}{given_up.pk}/change/"

        assert str(given_up.pk) in stellas.get(DELIVERIES, {"q": "acme"}).content.decode()
        assert str(given_up.pk) not in stellas.get(DELIVERIES, {"q": "globex"}).content.decode()
        page = stellas.get(url).content.decode()
        assert given_up.event.message_id in page
        assert "204" in page
        assert stellas.post(url, {"state": "delivered"}).status_code == 403
        assert "delete_selected" not in stellas.get(DELIVERIES).content.decode()

    def send_again(self, stellas: Client, delivery: WebhookDelivery, **fields: str) -> Any:
        chosen = {"action": "send_again", "_selected_action": [str(delivery.pk)], "token": str(uuid4())}
        return stellas.post(DELIVERIES, {**chosen, **fields}, follow=True)

    def test_they_are_sent_again_with_a_reason(self, stellas: Client, given_up: WebhookDelivery, stella: User) -> None:
        assert "Reason" in self.send_again(stellas, given_up).content.decode()
        assert self.send_again(stellas, given_up, reason="").status_code == 422
        assert "1 delivery is on its way." in self.send_again(stellas, given_up, reason="Fixed").content.decode()
        assert "already being sent" in self.send_again(stellas, given_up, reason="Fixed").content.decode()

        given_up.refresh_from_db()
        assert (given_up.state, given_up.asked_by) == ("pending", stella)
        assert AuditEvent.objects.get(action="webhook_delivery.replayed").reason == "Fixed"
        assert deliver_due() == 1
