"""Two owners put the same notices away at once, and causes that give notice meanwhile."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from notices import notices
from notices.models import Kind, Notice
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


def put_all_away(organization: Organization, actor: User) -> int:
    mine = notices.visible_to(organization, actor, Role.OWNER)
    return notices.put_away(mine, actor=actor, organization=organization, now=NOW)


def test_one_of_them_did_it(acme: Organization, owners: list[User]) -> None:
    for number in range(5):
        given(acme, Kind.RECHARGE_FAILED, key=f"recharge:{number}")

    results = run_together([partial(put_all_away, acme, owner) for owner in owners])

    assert sum(results) == 5
    assert Notice.objects.filter(put_away_at=NOW).count() == 5
    told = AuditEvent.objects.filter(action="notice.put_away").values_list("details", flat=True)
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

    results = run_together([partial(put_all_away, acme, owner) for owner in owners])

    assert results == [1, 1]


def test_a_cause_does_not_wait_for_somebody_who_puts_away(acme: Organization) -> None:
    low = given(acme)

    def give_meanwhile() -> Notice | None:
        with connection.cursor() as cursor:
            # Whoever waits at all fails.
            cursor.execute("SET lock_timeout = '1s'")
        return give(acme, Kind.DEPLETED)

    with transaction.atomic():
        Notice.objects.select_for_update().get(pk=low.pk)
        (result,) = run_together([give_meanwhile])

    assert isinstance(result, Notice)
