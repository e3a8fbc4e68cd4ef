"""What the tests' database is filled with the second time is what building made the first time."""

import pytest
from django.apps import apps
from django.db import transaction

from credits import audit
from credits.models import Program
from tests.support import factories
from tests.support.billing import programs
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import busy_acme
from tests.support.database import built_once

pytestmark = pytest.mark.django_db


def _all_rows() -> dict[str, list[tuple[object, ...]]]:
    return {model._meta.label: list(model._base_manager.order_by("pk").values_list()) for model in apps.get_models()}


def test_the_second_time_the_rows_and_the_answer_are_those_of_the_first() -> None:
    build = built_once(busy_acme.__wrapped__)  # type: ignore[attr-defined]
    with transaction.atomic():
        first, made = build(decimals=2), _all_rows()
        transaction.set_rollback(True)
    assert _all_rows() != made

    second = build(decimals=2)

    assert _all_rows() == made
    assert second == first
    assert second is not first


def test_something_else_is_built_for_other_arguments() -> None:
    build = built_once(factories.person)
    build("Alice")

    assert build("Bob").email == "bob@example.com"


def test_what_is_built_beside_other_rows_is_not_kept() -> None:
    built: list[str] = []
    build = built_once(built.append)
    factories.person("Alice")
    build("Bob")
    build("Bob")

    assert built == ["Bob", "Bob"]


def test_triggers_and_sequences_work_after_rows_were_written_again() -> None:
    with transaction.atomic():
        busy_acme()
        transaction.set_rollback(True)
    driver = busy_acme()

    driver.spend(1)

    check_wallet(driver.wallet.pk)
    assert audit.prove_ledger(audit.Scope(now=driver.now, wallet_id=driver.wallet.pk)) == []


def test_a_shipped_program_that_is_there_is_brought_up_to_date() -> None:
    programs.shipped("growi")
    Program.objects.update(name="Changed")

    assert programs.shipped("growi").name == "GROWI"
