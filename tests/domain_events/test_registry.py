"""Every declared event: its payload is complete where it is made, its notice can be read, old rows are recognized."""

from typing import Any

import pytest

from domain_events import registry
from domain_events.declarations import DomainEvent
from notices import kinds
from notices.models import Notice
from organizations.models import Organization
from tests.support.occasions import details_of
from webhooks import event_types

EVERY = registry.every()
WITH_NOTICE = [event for event in EVERY if event.notice is not None]


def name(event: DomainEvent[Any]) -> str:
    return event.name


def test_names_that_rows_and_receivers_hold_stay() -> None:
    assert {
        *("balance.low", "balance.depleted", "balance.restored", "purchase.paid", "recharge.failed", "grant.expiring"),
        *("limit.threshold", "limit.reached", "limit.requested", "limit.answered"),
    } <= {event.name for event in EVERY}


def test_notices_and_webhooks_know_what_is_declared_and_nothing_else() -> None:
    assert {event.name for event in WITH_NOTICE} == {kind.name for kind in kinds.every()}
    assert {event.name for event in EVERY if event.is_webhook} == {each.name for each in event_types.offered()}


@pytest.mark.parametrize("event", EVERY, ids=name)
def test_a_payload_that_lacks_something_is_refused_where_it_is_made(event: DomainEvent[Any]) -> None:
    fields = {field: getattr(event.sample, field) for field in event.payload.__struct_fields__}
    for lost in fields:
        rest = {field: value for field, value in fields.items() if field != lost}
        with pytest.raises(TypeError, match=lost):
            event.payload(**rest)


@pytest.mark.parametrize("event", WITH_NOTICE, ids=name)
def test_a_row_is_read_as_it_was_written(event: DomainEvent[Any]) -> None:
    acme = Organization(slug="acme", name="Acme", time_zone="Asia/Tokyo")
    row = Notice(organization=acme, kind=event.name, details=details_of(event))

    assert kinds.text_of(row).title
    kinds.ends_at(row)


@pytest.mark.parametrize("event", WITH_NOTICE, ids=name)
def test_a_row_of_another_shape_is_recognized(event: DomainEvent[Any]) -> None:
    acme = Organization(slug="acme", name="Acme", time_zone="Asia/Tokyo")
    row = Notice(organization=acme, kind=event.name, details={**details_of(event), "unheard_of": 1})

    with pytest.raises(kinds.Unreadable):
        kinds.text_of(row)
