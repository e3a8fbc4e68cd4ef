"""Stripe's events in the admin: found by any id, read, processed again with a reason."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing import stripe_gateway
from billing.models import EventState, StripeEvent
from billing.stripe_events import inbox
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.billing.stripe_events import deliver, event
from tests.support.factories import TOTP_SECRET

LIST = "/admin/billing/stripeevent/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(factories.staff())
    return client


@pytest.fixture
def row() -> StripeEvent:
    """A failed event."""
    deliver(event("charge.dispute.created", {"id": "du_1", "object": "dispute", "reason": "<b>fraud</b>"}))
    StripeEvent.objects.update(state=EventState.FAILED, attempts=3, note="Unavailable")
    return StripeEvent.objects.get()


def again(row: StripeEvent) -> str:
    return reverse("admin:billing_stripeevent_process_again", args=[row.pk])


def test_it_is_found_by_either_id_and_by_type(browser: Client, row: StripeEvent) -> None:
    for words in [row.event_id, "du_1", "dispute"]:
        assert row.event_id in browser.get(LIST, {"q": words}).content.decode()
    assert row.event_id not in browser.get(LIST, {"q": "du_2"}).content.decode()


def test_its_content_can_be_read_and_nothing_changed(browser: Client, row: StripeEvent) -> None:
    page = browser.get(f"{LIST}{row.pk}/change/").content.decode()

    assert "&lt;b&gt;fraud&lt;/b&gt;" in page
    assert "Process again" in page
    assert browser.post(f"{LIST}{row.pk}/change/", {"state": "processed"}).status_code == 403
    assert browser.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_processing_again_asks_why(browser: Client, row: StripeEvent) -> None:
    assert "Reason" in browser.get(again(row)).content.decode()

    refused = browser.post(again(row), {"reason": ""})

    assert refused.status_code == 422
    assert "This field is required." in refused.content.decode()
    row.refresh_from_db()
    assert row.attempts == 3


@pytest.mark.parametrize("before", [EventState.FAILED, EventState.PROCESSED, EventState.RECEIVED])
def test_it_is_processed_whatever_its_state(
    browser: Client, row: StripeEvent, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[Any] = []
    monkeypatch.setattr(inbox, "handler_of", lambda _kind: handled.append)
    StripeEvent.objects.update(state=before)

    page = browser.post(again(row), answered(), follow=True).content.decode()

    assert "The event was processed." in page
    assert len(handled) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.note) == (EventState.PROCESSED, 4, "")
    recorded = AuditEvent.objects.get(action="stripe_event.processed_again")
    assert (recorded.target, recorded.reason, recorded.details["was"]) == (row.event_id, "The bank called", before)


def test_a_failure_is_shown(browser: Client, row: StripeEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_data: Any) -> None:
        raise stripe_gateway.Unavailable("no answer")

    monkeypatch.setattr(inbox, "handler_of", lambda _kind: refuse)

    page = browser.post(again(row), answered(), follow=True).content.decode()

    assert "The event was not processed: Unavailable: no answer" in page


def test_one_of_the_wrong_mode_stays_harmless(browser: Client, row: StripeEvent) -> None:
    StripeEvent.objects.update(is_live=True, state=EventState.IGNORED)

    assert "not processed: It is live" in browser.post(again(row), answered(), follow=True).content.decode()


def test_who_may_only_view_may_not(row: StripeEvent) -> None:
    onlooker = User.objects.create_user("olaf@desk.example", is_staff=True)
    give_totp(onlooker, TOTP_SECRET)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_stripeevent"))
    client = Client()
    client.force_login(onlooker)

    assert "Process again" not in client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert client.post(again(row), answered()).status_code == 403


def test_one_that_is_not_there(browser: Client) -> None:
    assert browser.get("/admin/billing/stripeevent/7/process-again/").status_code == 404


def answered() -> dict[str, str]:
    return {"reason": "The bank called", "token": "0b6c9a50-46a5-4f43-9a0f-1d0d6f4a1c11"}
