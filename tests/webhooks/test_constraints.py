"""What the database itself refuses of this room's rows, past every model and verb: one case per constraint."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from organizations.models import User
from tests.support.servers.webhook_receiver import Receiver
from webhooks.by_hand import send_test
from webhooks.delivery import deliver_due
from webhooks.models import WebhookEndpoint

# table, constraint, what of the one row there is set so that it is broken; or "twice": a copy of it.
CASES = [
    ("webhookendpoint", "webhook_endpoint_that_is_gone_is_off", "is_gone = true"),
    ("webhooksecret", "webhook_secret_is_encrypted", "sealed = 'whsec_' || sealed"),
    ("webhookevent", "webhook_event_names_its_organization", "type = 'balance.low', organization_id = NULL"),
    ("webhookdelivery", "webhook_delivery_state_known", "state = 'lost'"),
    ("webhookdelivery", "webhook_delivery_is_closed_with_a_time", "closed_at = NULL"),
    ("webhookdelivery", "webhook_delivery_is_closed_with_a_time", "state = 'pending'"),
    ("webhookdelivery", "webhook_delivery_is_claimed_while_pending", "claimed_until = now()"),
    ("webhookdelivery", "webhooks_webhookdelivery_attempts_check", "attempts = -1"),
    ("webhookattempt", "webhook_attempt_has_a_status_or_an_error", "error = 'time'"),
    ("webhookattempt", "webhook_attempt_has_a_status_or_an_error", "status = NULL"),
    ("webhookattempt", "webhook_attempt_has_a_status_or_an_error", "status = NULL, error = 'x'"),
    ("webhookattempt", "webhooks_webhookattempt_milliseconds_check", "milliseconds = -1"),
    ("webhookattempt", "webhooks_webhookattempt_status_check", "status = -1"),
    ("webhookendpoint", "webhook_endpoint_has_its_address_alone", {"public_id": "'another'"}),
    (
        "webhookendpoint",
        "webhook_endpoint_has_its_address_alone",
        {"public_id": "'another'", "organization_id": "NULL"},
    ),
    ("webhookendpoint", "webhooks_webhookendpoint_public_id_key", {"url": "'https://another.example/'"}),
    ("webhooksecret", "webhook_endpoint_has_one_current_secret", {}),
    ("webhookevent", "webhook_event_happens_once", {"id": "gen_random_uuid()"}),
    ("webhookdelivery", "webhook_event_goes_once_to_an_endpoint", {"id": "gen_random_uuid()"}),
]


@pytest.fixture(autouse=True)
def _rows(endpoint: WebhookEndpoint, receiver: Receiver, stella: User) -> None:
    """One of everything: an endpoint, its secret, an event, its delivery and a try."""
    send_test(endpoint=endpoint, actor=stella)
    deliver_due()


def name(case: object) -> str:
    return str(case)


@pytest.mark.parametrize(("table", "constraint", "broken"), CASES, ids=name)
def test_the_database_refuses(table: str, constraint: str, broken: str | dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if isinstance(broken, dict) and broken.get("organization_id") == "NULL":
            cursor.execute("UPDATE webhooks_webhookendpoint SET organization_id = NULL")
        statement = f"UPDATE webhooks_{table} SET {broken}" if isinstance(broken, str) else copy(table, broken)
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            cursor.execute(statement)


def copy(table: str, changed: dict[str, str]) -> str:
    """A statement that inserts the one row again, with some columns changed and a number of its own."""
    fields = apps.get_model("webhooks", table)._meta.local_concrete_fields
    columns = [field.column for field in fields if field.column != "id" or "id" in changed]
    values = ", ".join(changed.get(column, column) for column in columns)
    return f"INSERT INTO webhooks_{table} ({', '.join(columns)}) SELECT {values} FROM webhooks_{table}"


def test_every_constraint_has_a_case() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'webhooks_%' AND contype IN ('c', 'u')"
            " UNION SELECT indexname FROM pg_indexes"
            " WHERE tablename LIKE 'webhooks_%' AND indexdef LIKE '%UNIQUE%WHERE%'"
        )
        known = {row[0] for row in cursor.fetchall()}
    told = {constraint for _table, constraint, _broken in CASES}

    assert {each for each in known if "public_id" not in each} == {each for each in told if "public_id" not in each}
