"""Two owners save the settings of notices at once."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet

from notices import preferences
from notices.models import NoticeRecipient
from organizations.models import Organization, User
from tests.support.races import run_many

pytestmark = pytest.mark.django_db(transaction=True)

OWNERS = 2


def save(organization: Organization, recipient: User) -> dict[str, Any]:
    return preferences.change(organization=organization, ways={}, recipients=[recipient])


def test_the_second_finds_what_the_first_has_set(acme: Organization, bob: User) -> None:
    results = run_many(lambda: save(acme, bob), OWNERS)

    assert sorted(map(len, results)) == [0, 1]
    assert NoticeRecipient.objects.filter(organization=acme).count() == 1


def test_control_without_the_lock_they_collide(acme: Organization, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    both_have_read = threading.Barrier(OWNERS, timeout=20)
    bulk_create = QuerySet.bulk_create

    def meet_and_create(rows: Any, *arguments: Any, **options: Any) -> Any:
        both_have_read.wait()
        return bulk_create(rows, *arguments, **options)

    monkeypatch.setattr(preferences, "lock_organization", lambda organization: organization)
    monkeypatch.setattr(QuerySet, "bulk_create", meet_and_create)

    results = run_many(lambda: save(acme, bob), OWNERS)

    assert sorted(isinstance(result, IntegrityError) for result in results) == [False, True]
