"""Two owners dismiss the same notices at once, and causes write notices in the meantime."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from billing.recharge.events import RECHARGE_FAILED
from credits.ledger.thresholds.events import DEPLETED
from notices import notices
from notices.models import Notice
from organizations.models import AuditEvent, Organization, Role, User
from tests.support import factories
from tests.support.occasions import NOW, give, given
from tests.support.races import run_together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owners(acme: Organization, alice: User) -> list[User]:
    dora = factories.person("Dora")
    factories.member(acme, dora, role=Role.OWNER)
    return [alice, dora]


def dismiss_all(organization: Organization, actor: User) -> int:
    mine = notices.visible_to(organization, actor, Role.OWNER)
    return notices.dismiss(mine, actor=actor, organization=organization, now=NOW)


def test_one_of_them_did_it(acme: Organization, owners: list[User]) -> None:
    for number in range(5):
        given(acme, RECHARGE_FAILED, key=f"recharge:{number}")

    results = run_together([partial(dismiss_all, acme, owner) for owner in owners])

    assert sum(results) == 5
    assert Notice.objects.filter(dismissed_at=NOW).count() == 5
    told = AuditEvent.objects.filter(action="notice.dismissed").values_list("details", flat=True)
    assert sum(details["notices"] for details in told) == 5


def test_control_without_the_lock_each_believes_it(
    acme: Organization, owners: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(acme)
    both_have_read = threading.Barrier(len(owners), timeout=20)
    update = QuerySet.update

    def meet_and_update(rows: Any, **values: Any) -> int:
        both_have_read.wait()
        return update(rows, **values)

    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_options: self)
    monkeypatch.setattr(QuerySet, "update", meet_and_update)

    results = run_together([partial(dismiss_all, acme, owner) for owner in owners])

    assert results == [1, 1]


def test_a_cause_does_not_wait_for_somebody_who_dismisses(acme: Organization) -> None:
    low = given(acme)

    def give_meanwhile() -> Notice | None:
        with connection.cursor() as cursor:
            # Whoever waits at all fails.
            cursor.execute("SET lock_timeout = '1s'")
        return give(acme, DEPLETED)

    with transaction.atomic():
        Notice.objects.select_for_update().get(pk=low.pk)
        (result,) = run_together([give_meanwhile])

    assert isinstance(result, Notice)
