"""The owners' pages of webhooks, as Alice uses them; and that nobody else's are hers."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from organizations.models import AuditEvent, Organization, User
from tests.support import factories
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.conftest import NOW
from webhooks import endpoints, signing
from webhooks.by_hand import send_test
from webhooks.delivery import deliver_due
from webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookSecret

LIST = "/o/acme/webhooks/"
CREATE = f"{LIST}create/"
URL = "https://acme.example/inbox"


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


def page(endpoint: WebhookEndpoint) -> str:
    return f"{LIST}{endpoint.public_id}/"


@pytest.fixture
def sent(endpoint: WebhookEndpoint, receiver: Receiver, alice: User) -> WebhookDelivery:
    """A test that the receiver answered."""
    receiver.answers(200, b"<b>thanks</b>")
    delivery = send_test(endpoint=endpoint, actor=alice, now=NOW)
    deliver_due(NOW)
    return WebhookDelivery.objects.get(pk=delivery.pk)


def page_of(delivery: WebhookDelivery) -> str:
    return f"{page(delivery.endpoint)}{delivery.pk}/"


class TestWhoGetsIn:
    def test_the_list_is_the_owners(self, acme: Organization, alice: User, public: WebhookEndpoint) -> None:
        assert_for_owners_alone(LIST, organization=acme, owner=alice)

    def test_an_endpoint_is_the_owners(self, acme: Organization, alice: User, public: WebhookEndpoint) -> None:
        assert_for_owners_alone(page(public), organization=acme, owner=alice)

    def test_a_delivery_is_the_owners(self, acme: Organization, alice: User, sent: WebhookDelivery) -> None:
        assert_for_owners_alone(page_of(sent), organization=acme, owner=alice)

    @pytest.mark.parametrize("act", ["create", "change", "disable", "enable", "rotate", "test", "replay"])
    def test_every_act_is_a_post_by_an_owner(
        self, acme: Organization, alices: Client, globex: Organization, charlie: User, sent: WebhookDelivery, act: str
    ) -> None:
        bob = factories.person("Bob")
        factories.member(acme, bob)
        url = {"create": CREATE, "replay": f"{page_of(sent)}replay/"}.get(act, f"{page(sent.endpoint)}{act}/")
        acts_before = AuditEvent.objects.count()

        assert alices.get(url).status_code == (200 if act == "change" else 405)
        assert signed_in(bob).post(url).status_code == 403
        assert signed_in(charlie).post(url).status_code == 404
        assert Client().post(url).status_code == 302
        assert AuditEvent.objects.count() == acts_before

    @pytest.mark.parametrize("whose", ["another organization's", "all organizations'"])
    def test_other_endpoints_do_not_exist(
        self, alices: Client, globex: Organization, charlie: User, stella: User, whose: str
    ) -> None:
        owner = globex if whose == "another organization's" else None
        theirs, _secret = endpoints.create_endpoint(organization=owner, url="https://t.example/", actor=stella)
        delivery = send_test(endpoint=theirs, actor=stella, now=NOW)
        WebhookDelivery.objects.update(state="delivered", closed_at=NOW)
        before = AuditEvent.objects.count()

        assert "t.example" not in alices.get(LIST).content.decode()
        for url in [page(theirs), page_of(delivery)]:
            assert alices.get(url).status_code == 404
        for act in ["change", "disable", "enable", "rotate", "test", f"{delivery.pk}/replay"]:
            assert alices.post(f"{page(theirs)}{act}/", {"url": URL}).status_code == 404
        assert WebhookDelivery.objects.get().state == "delivered"
        assert AuditEvent.objects.count() == before

    def test_a_delivery_is_found_under_its_own_endpoint_alone(
        self, alices: Client, sent: WebhookDelivery, globex: Organization, charlie: User, public: WebhookEndpoint
    ) -> None:
        """Neither through another endpoint of hers, nor by Charlie through one of his."""
        his, _secret = endpoints.create_endpoint(organization=globex, url="https://g.example/", actor=charlie)
        browser = signed_in(charlie)
        url = f"/o/globex/webhooks/{his.public_id}/{sent.pk}/"

        assert alices.get(f"{page(public)}{sent.pk}/").status_code == 404
        assert browser.get(url).status_code == 404
        assert browser.post(f"{url}replay/").status_code == 404


class TestMaking:
    def test_the_secret_is_on_the_answer_and_on_no_page_after_it(self, alices: Client) -> None:
        response = alices.post(CREATE, {"url": URL, "event_types": ["balance.low", "purchase.paid"]})

        assert response.status_code == 201
        assert "no-store" in response["Cache-Control"]
        secret = response.context["secret"]
        assert secret in response.content.decode()
        endpoint = WebhookEndpoint.objects.get()
        assert (endpoint.url, endpoint.event_types) == (URL, ["balance.low", "purchase.paid"])
        assert secret not in alices.get(LIST).content.decode() + alices.get(page(endpoint)).content.decode()

    def test_a_second_click_makes_no_second_one(self, alices: Client) -> None:
        alices.post(CREATE, {"url": URL})
        response = alices.post(CREATE, {"url": URL})

        assert response.status_code == 409
        assert "An endpoint with this URL already exists." in response.content.decode()
        assert WebhookEndpoint.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"url": ""}, "This field is required."),
            ({"url": "http://acme.example/"}, "The URL must start with https://"),
            ({"url": "https://127.0.0.1/"}, "The URL must be on the public internet."),
            ({"url": URL, "event_types": ["everything"]}, "everything is not one of the available choices"),
            ({"url": URL, "event_types": ["test"]}, "test is not one of the available choices"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, alices: Client, fields: dict[str, str], sentence: str) -> None:
        response = alices.post(CREATE, fields)

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert not WebhookEndpoint.objects.exists()

    def test_nobody_can_choose_what_staff_choose(self, alices: Client, acme: Organization) -> None:
        alices.post(CREATE, {"url": URL, "allows_private": "on", "organization": ""})

        endpoint = WebhookEndpoint.objects.get()
        assert (endpoint.organization, endpoint.allows_private) == (acme, False)

    def test_where_there_is_no_room_no_form_is_shown(self, alices: Client, acme: Organization) -> None:
        for number in range(endpoints.MOST_ENDPOINTS):
            WebhookEndpoint.objects.create(organization=acme, url=f"https://a.example/{number}", created_at=NOW)

        assert "You have reached the maximum number of endpoints." in alices.get(LIST).content.decode()
        assert alices.post(CREATE, {"url": URL}).status_code == 409


class TestChanging:
    def test_it_is_saved(self, alices: Client, public: WebhookEndpoint) -> None:
        url = f"{page(public)}change/"
        assert "https://acme.example/hooks" in alices.get(url).content.decode()
        response = alices.post(url, {"url": URL, "description": "Our CRM"}, follow=True)

        assert "Endpoint saved." in response.content.decode()
        public.refresh_from_db()
        assert (public.url, public.description) == (URL, "Our CRM")

    @pytest.mark.parametrize(("address", "status"), [("https://10.0.0.1/", 422), ("https://taken.example/", 409)])
    def test_or_refused_with_the_reason(
        self, alices: Client, alice: User, acme: Organization, public: WebhookEndpoint, address: str, status: int
    ) -> None:
        endpoints.create_endpoint(organization=acme, url="https://taken.example/", actor=alice)
        response = alices.post(f"{page(public)}change/", {"url": address})

        assert response.status_code == status
        assert address in response.content.decode()
        public.refresh_from_db()
        assert public.url == "https://acme.example/hooks"

    def test_switching_off_and_on(self, alices: Client, public: WebhookEndpoint) -> None:
        assert "The endpoint is turned off." in alices.post(f"{page(public)}disable/", follow=True).content.decode()
        assert "Endpoint turned on." in alices.post(f"{page(public)}enable/", follow=True).content.decode()


class TestReplacingTheSecret:
    def test_it_is_shown_once_and_a_second_click_makes_no_other(self, alices: Client, public: WebhookEndpoint) -> None:
        form = alices.get(page(public)).content.decode()
        current = re.search(r'name="replaces" value="(\d+)"', form)
        assert current
        first = alices.post(f"{page(public)}rotate/", {"replaces": current[1]})
        second = alices.post(f"{page(public)}rotate/", {"replaces": current[1]}, follow=True)

        assert first.status_code == 201
        assert "no-store" in first["Cache-Control"]
        kept = WebhookSecret.objects.get(signs_until=None)
        assert signing.unseal(kept.sealed) == first.context["secret"]
        assert "The secret was replaced a moment ago." in second.content.decode()
        assert "A previous secret also signs until" in second.content.decode()

    @pytest.mark.parametrize("replaces", ["", "x", "-1", "9" * 30, "٣"])
    def test_a_form_that_names_none_replaces_none(self, alices: Client, public: WebhookEndpoint, replaces: str) -> None:
        assert alices.post(f"{page(public)}rotate/", {"replaces": replaces}).status_code == 302
        assert WebhookSecret.objects.count() == 1


class TestTryingIt:
    def test_a_test_event_is_sent_once_for_two_clicks_and_shows_what_came_back(
        self, alices: Client, endpoint: WebhookEndpoint, receiver: Receiver
    ) -> None:
        receiver.answers(418, b"<i>teapot</i>")
        there = alices.post(f"{page(endpoint)}test/")["Location"]
        assert (
            "A test event is already being sent." in alices.post(f"{page(endpoint)}test/", follow=True).content.decode()
        )
        assert deliver_due() == 1

        shown = alices.get(there).content.decode()
        assert "418" in shown
        assert "&lt;i&gt;teapot&lt;/i&gt;" in shown
        assert "Alice" in shown
        assert "&quot;type&quot;: &quot;test&quot;" in shown
        assert AuditEvent.objects.filter(action="webhook_endpoint.tested").count() == 1
        assert b'"data":{"organization":"acme"}' in receiver.messages[0].body

    def test_one_that_is_off_is_not_tried(self, alices: Client, public: WebhookEndpoint, alice: User) -> None:
        endpoints.disable_endpoint(endpoint=public, actor=alice)

        assert "Turn it on first." in alices.post(f"{page(public)}test/", follow=True).content.decode()
        assert not WebhookDelivery.objects.exists()


class TestReplaying:
    def test_it_is_sent_again_under_its_id_once_for_two_clicks(
        self, alices: Client, sent: WebhookDelivery, receiver: Receiver, alice: User
    ) -> None:
        for sentence in ["Delivery is being resent.", "This delivery is already being sent."]:
            assert sentence in alices.post(f"{page_of(sent)}replay/", follow=True).content.decode()
        assert deliver_due() == 1

        assert receiver.ids == [sent.event.message_id] * 2
        event = AuditEvent.objects.get(action="webhook_delivery.replayed")
        assert (event.actor, event.target, event.details["was"]) == (alice, sent.event.message_id, "delivered")
        assert list(sent.tries.order_by("pk").values_list("asked_by", flat=True)) == [alice.pk, alice.pk]

    def test_one_that_was_given_up_is_tried_for_three_days_again(
        self, alices: Client, sent: WebhookDelivery, receiver: Receiver
    ) -> None:
        WebhookDelivery.objects.update(state="failed", attempts=10)
        receiver.answers(500)
        alices.post(f"{page_of(sent)}replay/")
        deliver_due()

        sent.refresh_from_db()
        assert (sent.state, sent.attempts, sent.asked_by) == ("pending", 1, None)

    def test_one_that_waits_for_its_next_try_goes_now(
        self, alices: Client, sent: WebhookDelivery, receiver: Receiver
    ) -> None:
        later = NOW.replace(year=9000)
        WebhookDelivery.objects.update(state="pending", closed_at=None, next_try_at=later)
        alices.post(f"{page_of(sent)}replay/")

        assert deliver_due() == 1

    def test_one_that_is_being_sent_is_left_alone(self, alices: Client, sent: WebhookDelivery) -> None:
        later = NOW.replace(year=9000)
        WebhookDelivery.objects.update(state="pending", closed_at=None, next_try_at=later, claimed_until=later)

        assert "already" in alices.post(f"{page_of(sent)}replay/", follow=True).content.decode()
        sent.refresh_from_db()
        assert sent.claimed_until == later


class TestTheLog:
    def fill(self, endpoint: WebhookEndpoint, alice: User, times: int) -> None:
        for _time in range(times):
            send_test(endpoint=endpoint, actor=alice, now=NOW)
            WebhookDelivery.objects.update(state="delivered", closed_at=NOW)

    def test_it_takes_as_many_queries_however_long_it_is(
        self, alices: Client, endpoint: WebhookEndpoint, alice: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        self.fill(endpoint, alice, 5)
        with django_assert_num_queries(7):
            alices.get(page(endpoint))

    def test_it_has_pages(
        self, alices: Client, endpoint: WebhookEndpoint, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("webhooks.views.endpoints.PER_PAGE", 2)
        self.fill(endpoint, alice, 3)
        first = alices.get(page(endpoint))
        second = alices.get(first.context["older_url"])

        shown = [line.delivery.pk for response in (first, second) for line in response.context["lines"]]
        assert shown == list(WebhookDelivery.objects.order_by("-pk").values_list("pk", flat=True))
        assert second.context["older_url"] is None
        assert second.context["newer_url"] == page(endpoint)
        assert alices.get(f"{page(endpoint)}?before=nonsense").status_code == 200

    def test_health_is_told_in_words(self, alices: Client, public: WebhookEndpoint) -> None:
        states: list[tuple[dict[str, Any], str]] = [
            ({}, "no deliveries yet"),
            ({"last_delivered_at": NOW}, "working"),
            ({"failing_since": NOW}, "failing"),
            ({"disabled_at": NOW}, "turned off"),
            ({"is_gone": True}, "turned off"),
        ]
        for fields, word in states:
            WebhookEndpoint.objects.update(**fields)
            assert word in alices.get(LIST).content.decode()
        assert "The endpoint returned 410 Gone" in alices.get(page(public)).content.decode()


def test_the_list_takes_few_queries(
    alices: Client, public: WebhookEndpoint, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        alices.get(LIST)


def test_it_is_in_the_navigation(alices: Client, public: WebhookEndpoint) -> None:
    assert reverse("webhooks", args=["acme"]) in alices.get("/o/acme/settings/").content.decode()
