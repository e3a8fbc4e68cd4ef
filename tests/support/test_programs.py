"""The shipped programs of the tests: writing the rows again makes what loading makes."""

import pytest
from django.apps import apps
from django.db import transaction

from billing.programs.files import shipped_programs
from tests.support import programs

pytestmark = pytest.mark.django_db


def _all_rows() -> dict[str, list[tuple[object, ...]]]:
    rows = {model._meta.label: list(model._base_manager.order_by("pk").values_list()) for model in apps.get_models()}
    return {label: found for label, found in rows.items() if found}


@pytest.mark.parametrize("name", shipped_programs())
def test_the_second_time_the_rows_are_those_of_the_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_statements", {})
    before = _all_rows()

    with transaction.atomic():
        programs.shipped(name)
        loaded = _all_rows()
        transaction.set_rollback(True)
    assert _all_rows() == before
    programs.shipped(name)

    assert _all_rows() == loaded
    assert len(loaded) - len(before) >= 5


def test_a_program_that_is_there_is_loaded_as_ever() -> None:
    program = programs.shipped("growi")
    type(program).objects.update(name="Changed")

    assert programs.shipped("growi").name == "GROWI"
