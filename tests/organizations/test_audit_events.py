"""The audit log: every call of `record` leaves an event, and `record_once` one for its occasion, by a unique key."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.audit_actions import Action
from organizations import audit_events
from organizations.models import AuditEvent, Organization, User
from tests.support import factories
from tests.support.races import run_many

ACTION = Action.PLAN_CREATED
PATIENCE = 20


def events() -> int:
    return AuditEvent.objects.filter(action=ACTION).count()


@pytest.mark.django_db
class TestOnce:
    def test_the_first_call_writes_the_event_and_says_so(self, acme: Organization) -> None:
        assert audit_events.record_once(key="form-1", action=ACTION, organization=acme, target="pro")

        event = AuditEvent.objects.get(action=ACTION)
        assert (event.organization, event.target, event.key) == (acme, "pro", "form-1")

    def test_the_second_writes_nothing_whatever_else_it_says(self, acme: Organization) -> None:
        audit_events.record_once(key="form-1", action=ACTION, organization=acme, target="pro")

        assert not audit_events.record_once(key="form-1", action=ACTION, organization=acme, target="team")
        assert AuditEvent.objects.get(action=ACTION).target == "pro"

    def test_another_occasion_action_or_organization_has_its_own(self, acme: Organization, bob: User) -> None:
        other = factories.organization(bob, slug="other")
        for named in (
            {"key": "form-1", "action": ACTION, "organization": acme},
            {"key": "form-2", "action": ACTION, "organization": acme},
            {"key": "form-1", "action": Action.PLAN_CHANGED, "organization": acme},
            {"key": "form-1", "action": ACTION, "organization": other},
            {"key": "form-1", "action": ACTION, "organization": None},
        ):
            arguments: dict[str, Any] = named
            assert audit_events.record_once(**arguments), named
            assert not audit_events.record_once(**arguments), named

    def test_what_has_no_occasion_is_recorded_every_time(self, acme: Organization) -> None:
        audit_events.record(action=ACTION, organization=acme)
        audit_events.record(action=ACTION, organization=acme)

        assert events() == 2

    def test_the_database_refuses_a_second_one(self, acme: Organization) -> None:
        audit_events.record_once(key="form-1", action=ACTION, organization=acme)

        with pytest.raises(IntegrityError, match="audit_event_is_recorded_once"), transaction.atomic():
            AuditEvent.objects.create(key="form-1", action=ACTION, organization=acme)


@pytest.mark.django_db(transaction=True)
class TestCallsAtOnce:
    def test_write_one_event_and_one_of_them_says_so(self, acme: Organization) -> None:
        results = run_many(lambda: audit_events.record_once(key="form-1", action=ACTION, organization=acme), 6)

        assert sorted(results) == [False] * 5 + [True]
        assert events() == 1

    def test_control_with_a_look_into_the_log_each_writes_its_own(self, acme: Organization) -> None:
        all_have_read = threading.Barrier(6, timeout=PATIENCE)

        def look_and_record() -> bool:
            is_known = AuditEvent.objects.filter(organization=acme, action=ACTION, target="form-1").exists()
            all_have_read.wait()
            if not is_known:
                audit_events.record(action=ACTION, organization=acme, target="form-1")
            return not is_known

        assert run_many(look_and_record, 6) == [True] * 6
        assert events() == 6
