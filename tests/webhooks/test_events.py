"""What is told: once, with its cause, to those who want to hear it."""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from credits.ledger.thresholds.events import LOW
from domain_events.declarations import DomainEvent
from organizations.models import Organization, User
from tests.support import factories
from tests.support.races import run_many
from tests.webhooks.conftest import NOW
from usage.limits.events import LIMIT_REACHED
from webhooks import endpoints, events, tasks
from webhooks.endpoints import create_endpoint
from webhooks.event_types import UnknownEventType
from webhooks.events import emit
from webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent


def tell(organization: Organization, key: str = "first", event: DomainEvent[Any] = LOW) -> Any:
    with transaction.atomic():
        return emit(
            organization_id=organization.pk, event_type=event.name, key=key, data={"organization": "acme"}, now=NOW
        )


class TestWho:
    def test_the_organizations_own_and_those_for_all(
        self, acme: Organization, globex: Organization, alice: User, stella: User
    ) -> None:
        own, _ = create_endpoint(organization=acme, url="https://acme.example/", actor=alice)
        for_all, _ = create_endpoint(organization=None, url="https://product.example/", actor=stella)
        create_endpoint(organization=globex, url="https://globex.example/", actor=alice)
        tell(acme)

        assert set(WebhookDelivery.objects.values_list("endpoint", flat=True)) == {own.pk, for_all.pk}

    def test_those_that_want_the_type(self, acme: Organization, alice: User) -> None:
        wants, _ = create_endpoint(
            organization=acme, url="https://a.example/", event_types=["balance.low"], actor=alice
        )
        create_endpoint(organization=acme, url="https://b.example/", event_types=["limit.reached"], actor=alice)
        everything, _ = create_endpoint(organization=acme, url="https://c.example/", actor=alice)
        tell(acme)

        assert set(WebhookDelivery.objects.values_list("endpoint", flat=True)) == {wants.pk, everything.pk}

    def test_none_that_is_switched_off(self, acme: Organization, public: WebhookEndpoint, alice: User) -> None:
        endpoints.disable_endpoint(endpoint=public, actor=alice)
        assert tell(acme) is not None

        assert not WebhookDelivery.objects.exists()


class TestOnce:
    def test_the_same_occasion_is_told_once(self, acme: Organization, public: WebhookEndpoint) -> None:
        assert tell(acme) is not None
        assert tell(acme) is None

        assert WebhookEvent.objects.count() == WebhookDelivery.objects.count() == 1

    def test_another_occasion_type_or_organization_is_another(
        self, acme: Organization, globex: Organization, public: WebhookEndpoint
    ) -> None:
        told = [tell(acme), tell(acme, "second"), tell(acme, event=LIMIT_REACHED), tell(globex)]

        assert None not in told
        assert WebhookEvent.objects.count() == 4

    @pytest.mark.django_db(transaction=True)
    def test_two_that_find_it_at_once_tell_it_once(self) -> None:
        alice = factories.person()
        acme = factories.organization(alice)
        create_endpoint(organization=acme, url="https://acme.example/", actor=alice)
        told = run_many(lambda: tell(acme), times=2)

        assert sorted(each is None for each in told) == [False, True]
        assert WebhookDelivery.objects.count() == 1


class TestWithItsCause:
    @pytest.mark.django_db(transaction=True)
    def test_outside_a_transaction_it_is_refused(self) -> None:
        acme = factories.organization()
        with pytest.raises(RuntimeError):
            emit(organization_id=acme.pk, event_type=LOW.name, key="first", data={}, now=NOW)

    def test_a_type_that_nobody_registered_is_refused(self, acme: Organization) -> None:
        with transaction.atomic(), pytest.raises(UnknownEventType):
            emit(organization_id=acme.pk, event_type="birthday.came", key="first", data={}, now=NOW)
        assert not WebhookEvent.objects.exists()

    def test_what_is_rolled_back_leaves_nothing(
        self,
        acme: Organization,
        public: WebhookEndpoint,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        with django_capture_on_commit_callbacks() as nudges, transaction.atomic():
            emit(organization_id=acme.pk, event_type=LOW.name, key="first", data={}, now=NOW)
            transaction.set_rollback(True)

        assert not WebhookEvent.objects.exists()
        assert not WebhookDelivery.objects.exists()
        assert nudges == []
        assert tell(acme) is not None

    def test_after_the_commit_somebody_is_nudged(
        self,
        acme: Organization,
        public: WebhookEndpoint,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        nudged: list[Any] = []
        monkeypatch.setattr(tasks.deliver, "apply_async", lambda *given, **options: nudged.append(given))
        with django_capture_on_commit_callbacks(execute=True):
            tell(acme)
            assert nudged == []

        assert len(nudged) == 1

    def test_nobody_is_where_nobody_listens(
        self, acme: Organization, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        with django_capture_on_commit_callbacks() as nudges:
            tell(acme)

        assert nudges == []

    def test_it_takes_four_statements_however_many_listen(
        self, acme: Organization, alice: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(5):
            create_endpoint(organization=acme, url=f"https://acme.example/{number}", actor=alice)
        with transaction.atomic(), django_assert_num_queries(4):
            events.emit(organization_id=acme.pk, event_type=LOW.name, key="first", data={}, now=NOW)
