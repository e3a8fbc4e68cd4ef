"""`manage.py rollup_usage` and the staff's page: days added up by hand."""

from datetime import date, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.usage.rollup_stage import HOUR, at, check_sums, early_stage, roll_up
from tests.support.usage.usage_stage import ALWAYS, Stage
from usage import rollups
from usage.models import DailyUsage, LateUse, UsageRollup
from usage.rollups import adding_up

pytestmark = pytest.mark.django_db


def stage_with_uses_from(day: date) -> Stage:
    """Acme, which used something on each of twelve days; nothing of globex."""
    stage = early_stage()
    for number in range(12):
        stage.pay(f"{number}", now=at(f"{day} 12:00") + 24 * HOUR * number)
    globex = factories.organization(factories.person("Charlie"), slug="globex")
    factories.wallet(globex, stage.program, now=ALWAYS)
    return stage


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rollup_usage", *arguments, stdout=out)
    return out.getvalue()


def fail(*arguments: str) -> tuple[CommandError, str]:
    err = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("rollup_usage", *arguments, stdout=StringIO(), stderr=err)
    return failure.value, err.getvalue()


class TestTheCommand:
    # By the database's clock, as in life; not long ago, or there would be a year of days to go through.
    FIRST = timezone.now().date() - timedelta(days=20)

    @pytest.fixture
    def stage(self) -> Stage:
        return stage_with_uses_from(self.FIRST)

    def test_adds_up_what_is_due(self, stage: Stage) -> None:
        assert run().endswith("days of 2 organizations added up.\n")

        assert DailyUsage.objects.filter(shape="feature").count() == 12
        check_sums(stage)
        assert run() == "0 days of 0 organizations added up.\n"

    def test_of_one_organization_if_it_is_named(self, stage: Stage) -> None:
        run("--organization", "globex")

        assert [rollup.organization.slug for rollup in UsageRollup.objects.all()] == ["globex"]

    def test_adds_up_one_day_again(self, stage: Stage) -> None:
        run()
        DailyUsage.objects.update(credits=1)

        fifth = self.FIRST + timedelta(days=4)
        assert run("--date", fifth.isoformat()) == "1 days of 1 organizations added up.\n"

        credits = dict(DailyUsage.objects.filter(shape="feature").values_list("day_on", "credits"))
        assert [day for day, number in credits.items() if number == 50] == [fifth]

    def test_adds_up_every_day_again(self, stage: Stage) -> None:
        run()
        DailyUsage.objects.update(credits=1)

        run("--all", "--organization", "acme")

        check_sums(stage)

    def test_goes_on_where_it_was_stopped(self, stage: Stage, monkeypatch: Any) -> None:
        run()
        DailyUsage.objects.update(credits=1)
        replace, done = adding_up.replace, []

        def stop_after_a_week(*arguments: Any) -> int:
            done.append(arguments)
            if len(done) > 1:
                raise KeyboardInterrupt
            return replace(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(adding_up, "replace", stop_after_a_week)
            failure, _ = fail("--all")

        assert (str(failure), failure.returncode) == ("Stopped. Run the same command again to continue.", 130)
        assert DailyUsage.objects.filter(shape="feature", credits=50).count() == 7
        # What was asked for is known, so what is due is the rest of it.
        run()
        check_sums(stage)

    def test_names_the_organizations_that_failed(self, stage: Stage, monkeypatch: Any) -> None:
        def fail_always(*_: Any) -> int:
            raise DatabaseError("disk full")

        monkeypatch.setattr(adding_up, "replace", fail_always)

        failure, output = fail()

        assert str(failure) == "Not all could be added up. Run the same command again."
        assert "acme: DatabaseError: disk full\n" in output

    def test_refuses_a_day_that_has_not_ended(self, stage: Stage) -> None:
        tomorrow = timezone.now().date() + timedelta(days=1)

        _, output = fail("--organization", "acme", "--date", tomorrow.isoformat())

        assert output == f"acme: {tomorrow} has not ended in UTC.\n"
        assert not LateUse.objects.exists()

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--organization", "nobody"], "No organization “nobody” has a wallet."),
            (["--date", "yesterday"], "“yesterday” is not a date: write it as 2026-03-31."),
            (["--date", "2026-03-01", "--all"], "argument --all: not allowed with argument --date"),
        ],
    )
    def test_says_what_it_does_not_understand(self, stage: Stage, arguments: list[str], sentence: str) -> None:
        failure, _ = fail(*arguments)

        assert sentence in str(failure)


class TestTheStaffsPage:
    URL = "/admin/usage/usagerollup/"

    @pytest.fixture
    def stage(self) -> Stage:
        return stage_with_uses_from(date(2025, 3, 1))

    @pytest.fixture
    def stella(self) -> User:
        return factories.staff()

    @pytest.fixture
    def stellas(self, stella: User) -> Client:
        client = Client()
        client.force_login(stella)
        return client

    @pytest.fixture
    def chosen(self, stage: Stage) -> dict[str, Any]:
        roll_up(at("2025-04-01 06:00"))
        return {"action": "roll_up_again", "_selected_action": [stage.organization.pk], "token": str(uuid4())}

    def test_shows_how_far_each_organization_is_added_up(self, stellas: Client, chosen: dict[str, Any]) -> None:
        page = stellas.get(f"{self.URL}?q=acme").content.decode()

        assert "March 31, 2025" in page
        assert "delete_selected" not in page

    def test_asks_which_days_and_why(self, stellas: Client, chosen: dict[str, Any]) -> None:
        page = stellas.post(self.URL, chosen)

        assert page.status_code == 200
        assert "Acme: rolled up through 2025-03-31 (UTC)" in page.content.decode()
        assert not LateUse.objects.exists()

    def test_has_days_added_up_again(self, stage: Stage, stella: User, stellas: Client, chosen: dict[str, Any]) -> None:
        DailyUsage.objects.update(credits=1)
        days = {"first": "2025-01-01", "last": "2025-03-11", "reason": "Doubted by the owner"}

        page = stellas.post(self.URL, {**chosen, **days}, follow=True).content.decode()

        assert "11 days will be rolled up again within minutes." in page
        event = AuditEvent.objects.get(action="usage.days_asked_again")
        assert (event.organization, event.actor, event.reason) == (stage.organization, stella, "Doubted by the owner")
        assert event.details == {"first": "2025-01-01", "last": "2025-03-11", "days": 11}
        roll_up(at("2025-04-01 06:05"))
        assert DailyUsage.objects.filter(credits=1, shape="feature").get().day_on == date(2025, 3, 12)

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ({"first": "2025-03-01", "last": "2025-03-02", "reason": ""}, "This field is required."),
            ({"first": "2025-03-02", "last": "2025-03-01", "reason": "Why"}, "This is before the first day."),
            ({"first": "soon", "last": "2025-03-01", "reason": "Why"}, "Enter a valid date."),
        ],
    )
    def test_refuses_what_makes_no_sense(
        self, stellas: Client, chosen: dict[str, Any], said: dict[str, str], sentence: str
    ) -> None:
        page = stellas.post(self.URL, {**chosen, **said})

        assert page.status_code == 422
        assert sentence in page.content.decode()
        assert not LateUse.objects.exists()

    def test_is_for_staff_alone(self, stage: Stage, chosen: dict[str, Any]) -> None:
        owner = Client()
        owner.force_login(stage.owner)

        assert owner.post(self.URL, chosen).status_code in {302, 403}
        assert rollups.through(stage.organization)[0] == date(2025, 3, 31)
