"""A new event is one declaration and one call: everything that follows is there, once, with its cause."""

from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client

from domain_events import publishing, registry, subscribers
from domain_events.declarations import DomainEvent
from domain_events.publishing import publish, withdraw
from notices.delivery import send_due
from notices.models import Notice
from organizations.models import Organization, User
from tests.domain_events.conftest import CAKE_SERVED, NOW, SAMPLE, CakeServed
from tests.support import factories
from tests.support.pages.owner_pages import signed_in
from webhooks.endpoints import create_endpoint
from webhooks.models import WebhookDelivery, WebhookEvent

pytestmark = pytest.mark.django_db

Cake = DomainEvent[CakeServed]


def serve(organization: Organization, *, key: str = "cake:1", pieces: int = 3, person: User | None = None) -> bool:
    """Publish it as a cause does, in a transaction of its own."""
    payload = CakeServed(organization=organization.slug, pieces=pieces, served_at=NOW)
    with transaction.atomic():
        return publish(CAKE_SERVED, payload, organization_id=organization.pk, key=key, now=NOW, person=person)


class TestANewEvent:
    """Declared by the test: no migration, no list and no page was changed for it."""

    def test_is_a_notice_with_its_email(self, cake: Cake, acme: Organization, alice: User) -> None:
        assert serve(acme)

        notice = Notice.objects.get()
        assert (notice.kind, notice.user, notice.created_at) == ("cake.served", None, NOW)
        assert notice.details == {"organization": "acme", "pieces": 3, "served_at": "2026-03-10T12:00:00Z"}
        page = signed_in(alice).get("/o/acme/notices/").content.decode()
        assert "Cake on Mar 10, 2026" in page
        assert 'href="/o/acme/"' in page
        assert send_due() == {"sent": 1}
        assert mail.outbox[0].subject == "Cake on Mar 10, 2026 · Acme"
        assert "List-Unsubscribe" in mail.outbox[0].extra_headers

    def test_is_a_webhook_with_the_same_payload(self, cake: Cake, acme: Organization, alice: User) -> None:
        endpoint, _ = create_endpoint(
            organization=acme, url="https://acme.example/", event_types=["cake.served"], actor=alice
        )
        serve(acme)

        delivery = WebhookDelivery.objects.get()
        assert (delivery.endpoint, delivery.event.type) == (endpoint, "cake.served")
        assert delivery.event.data == Notice.objects.get().details

    def test_is_in_everything_that_is_made_from_declarations(
        self, cake: Cake, acme: Organization, alice: User, client: Client
    ) -> None:
        alices, staff = signed_in(alice), signed_in(factories.staff())

        document = client.get("/api/openapi.json").json()
        assert document["webhooks"]["cake.served"]["post"]["description"] == "Cake was served."
        assert "WebhookCakeServed" in document["components"]["schemas"]
        reference = client.get("/api/webhooks").content.decode()
        assert "cake.served" in reference
        assert "pieces" in reference
        assert 'name="cake.served"' in alices.get("/o/acme/notices/settings/").content.decode()
        assert 'value="cake.served"' in alices.get("/o/acme/webhooks/").content.decode()
        assert "?kind=cake.served" in staff.get("/admin/notices/notice/").content.decode()
        assert "?type=cake.served" in staff.get("/admin/webhooks/webhookdelivery/").content.decode()

    def test_is_nowhere_once_it_is_no_longer_declared(self, acme: Organization, client: Client) -> None:
        assert "cake.served" not in client.get("/api/openapi.json").json()["webhooks"]
        with pytest.raises(registry.Undeclared):
            serve(acme)
        assert not Notice.objects.exists()


class TestOnce:
    def test_an_occasion_is_news_once(self, cake: Cake, acme: Organization) -> None:
        assert [serve(acme), serve(acme), serve(acme, key="cake:2")] == [True, False, True]

        assert Notice.objects.count() == WebhookEvent.objects.count() == 2

    def test_of_the_same_only_the_newest_notice_stays_open(self, cake: Cake, acme: Organization) -> None:
        serve(acme)
        serve(acme, key="cake:2")

        assert list(Notice.objects.order_by("pk").values_list("dismissed_at", flat=True)) == [NOW, None]

    def test_what_no_longer_applies_is_withdrawn_once(self, cake: Cake, acme: Organization) -> None:
        serve(acme)

        over = {"organization_id": acme.pk, "now": NOW}
        assert withdraw(CAKE_SERVED, key="cake:2", **over) == 0  # type: ignore[arg-type]
        assert withdraw(CAKE_SERVED, about={"pieces": 4}, **over) == 0  # type: ignore[arg-type]
        assert withdraw(CAKE_SERVED, about={"pieces": 3}, **over) == 1  # type: ignore[arg-type]
        assert withdraw(CAKE_SERVED, about={"pieces": 3}, **over) == 0  # type: ignore[arg-type]


class TestWhomItReaches:
    def test_a_person_it_concerns_gets_a_notice_of_their_own(self, cake: Cake, acme: Organization, bob: User) -> None:
        serve(acme, person=bob)

        assert set(Notice.objects.values_list("user__name", "key")) == {(None, "cake:1"), ("Bob", "cake:1:user")}
        assert WebhookEvent.objects.count() == 1

    def test_a_payload_to_which_no_notice_applies_has_none(self, cake: Cake, acme: Organization) -> None:
        assert serve(acme, pieces=0)

        assert not Notice.objects.exists()
        assert WebhookEvent.objects.count() == 1

    def test_a_person_is_needed_where_it_is_for_one_and_refused_where_it_is_for_owners(
        self, acme: Organization, bob: User
    ) -> None:
        from credits.ledger.thresholds.events import LOW
        from usage.limits.events import LIMIT_ANSWERED

        about = {"organization_id": acme.pk, "key": "x", "now": NOW}
        with transaction.atomic(), pytest.raises(ValueError, match="is for person"):
            publish(LIMIT_ANSWERED, LIMIT_ANSWERED.sample, **about)  # type: ignore[arg-type]
        with transaction.atomic(), pytest.raises(ValueError, match="is for owners"):
            publish(LOW, LOW.sample, person=bob, **about)  # type: ignore[arg-type]
        assert not Notice.objects.exists()


class TestWithItsCause:
    @pytest.mark.django_db(transaction=True)
    def test_outside_a_transaction_it_is_refused(self, cake: Cake) -> None:
        acme = factories.organization()

        with pytest.raises(RuntimeError, match="in the transaction of its cause"):
            publish(CAKE_SERVED, SAMPLE, organization_id=acme.pk, key="x", now=NOW)
        assert not Notice.objects.exists()

    def test_what_is_rolled_back_leaves_nothing(self, cake: Cake, acme: Organization) -> None:
        with transaction.atomic():
            serve(acme)
            transaction.set_rollback(True)

        assert not Notice.objects.exists()
        assert not WebhookEvent.objects.exists()

    def test_another_payload_than_the_declared_one_is_refused(self, cake: Cake, acme: Organization) -> None:
        wrong: Any = {"organization": "acme", "pieces": 3}
        with transaction.atomic(), pytest.raises(TypeError, match="takes CakeServed, not dict"):
            publish(CAKE_SERVED, wrong, organization_id=acme.pk, key="x", now=NOW)


class TestSubscribers:
    def test_each_is_called_once_with_the_news(self, cake: Cake, acme: Organization) -> None:
        heard: list[subscribers.Occurrence[CakeServed]] = []

        def hear(occurrence: subscribers.Occurrence[CakeServed]) -> None:
            heard.append(occurrence)

        for _ in range(2):
            subscribers.subscribe(CAKE_SERVED, hear)
        for _ in range(2):
            serve(acme)

        assert heard == [subscribers.Occurrence(CAKE_SERVED, acme.pk, SAMPLE, NOW)]

    def test_what_one_raises_undoes_the_cause(self, cake: Cake, acme: Organization) -> None:
        def fail(_occurrence: subscribers.Occurrence[CakeServed]) -> None:
            raise RuntimeError("no plates")

        subscribers.subscribe(CAKE_SERVED, fail)
        with pytest.raises(RuntimeError, match="no plates"):
            serve(acme)

        assert not Notice.objects.exists()
        assert not WebhookEvent.objects.exists()

    def test_an_event_for_subscribers_alone_is_always_news(
        self, acme: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from credits.ledger.thresholds.events import FELL_BELOW_WATCH

        heard: list[int] = []
        monkeypatch.setattr(publishing, "notify", lambda occurrence: heard.append(occurrence.payload.wallet_id))
        with transaction.atomic():
            for _ in range(2):
                fact = FELL_BELOW_WATCH.sample
                assert publish(FELL_BELOW_WATCH, fact, organization_id=acme.pk, key="x", now=NOW)

        assert heard == [1, 1]
        assert not Notice.objects.exists()
