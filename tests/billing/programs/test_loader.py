"""`manage.py load_program`: what the first load makes, what a later one changes, and what it must never touch."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from billing.programs.files import BrokenProgram
from billing.programs.loader import BEGINNING, Loaded, load_program
from billing.programs.terms import read_program
from credits.models import Program
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.programs import SMALL
from tests.support.races import run_many
from usage.models import Feature, Rate

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
REPORT = 'rates = [{ pricing = "fixed", credits = "0.25" }]'
FOREVER = '{ pricing = "fixed", credits = "0.25" }'
FROM_MAY = '{ pricing = "fixed", credits = "0.50", effective_at = 2026-05-01T00:00:00Z }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, text: str = SMALL, *, now: datetime = NOW) -> Loaded:
    path = folder / "small.toml"
    path.write_text(text)
    return load_program(read_program(path), now=now)


def refused(folder: Path, text: str, *, now: datetime = NOW) -> list[str]:
    with pytest.raises(BrokenProgram) as broken:
        load(folder, text, now=now)
    return broken.value.problems


def with_rates(*rates: str) -> str:
    return SMALL.replace(REPORT, f"rates = [{', '.join(rates)}]")


def report_rates() -> list[tuple[int | None, datetime]]:
    return list(
        Rate.objects.filter(feature__key="report").order_by("effective_at").values_list("credits", "effective_at")
    )


def everything() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in (Program, Feature, Rate, AuditEvent)]


class TestTheFirstLoad:
    def test_makes_the_program_in_smallest_units(self, folder: Path) -> None:
        load(folder)

        program = Program.objects.get(key="small")
        assert (program.name, program.unit, program.decimals, program.overdraft_limit) == ("Small", "credits", 2, 150)
        assert list(program.features.order_by("position").values_list("key", "position")) == [
            ("report", 1),
            ("chat", 2),
        ]
        chat = Rate.objects.get(feature__key="chat")
        assert (chat.model, chat.input_credits, chat.output_credits, chat.per) == ("m", 15, 200, 1_000)

    def test_undated_rates_hold_from_the_beginning(self, folder: Path) -> None:
        load(folder)

        assert report_rates() == [(25, BEGINNING)]

    def test_dated_rates_hold_from_their_date(self, folder: Path) -> None:
        load(folder, with_rates(FOREVER, FROM_MAY))

        assert report_rates() == [(25, BEGINNING), (50, MAY)]

    def test_leaves_an_audit_event_for_each_thing_made(self, folder: Path) -> None:
        load(folder)

        events = AuditEvent.objects.filter(reason="load_program small.toml")
        assert sorted(events.values_list("action", "target")) == [
            ("currency.created", "small/EUR"),
            ("feature.created", "small/chat"),
            ("feature.created", "small/report"),
            ("program.created", "small"),
            ("rate.created", "small/chat"),
            ("rate.created", "small/report"),
        ]
        assert set(events.values_list("created_at", flat=True)) == {NOW}


class TestALaterLoad:
    @pytest.mark.parametrize("text", [SMALL, with_rates(FOREVER, FROM_MAY)], ids=["undated", "dated"])
    @pytest.mark.parametrize("later", [NOW, NOW + timedelta(days=365)], ids=["at once", "next year"])
    def test_of_the_same_file_writes_nothing(self, folder: Path, text: str, later: datetime) -> None:
        load(folder, text)
        before = everything()

        again = load(folder, text, now=later)

        assert (again.changes, again.kept) == ([], [])
        assert everything() == before

    def test_brings_the_program_up_to_date(self, folder: Path) -> None:
        load(folder)

        (change,) = load(folder, SMALL.replace('name = "Small"', 'name = "Smaller"')).changes

        assert Program.objects.get(key="small").name == "Smaller"
        assert change.details == {"name": {"before": "Small", "after": "Smaller"}}
        event = AuditEvent.objects.get(action="program.changed")
        assert (event.target, event.details) == ("small", change.details)

    def test_renames_and_reorders_features(self, folder: Path) -> None:
        load(folder)

        (change,) = load(folder, SMALL.replace('name = "Report"', 'name = "Long Report"')).changes

        assert (change.action, change.target) == ("feature.changed", "small/report")
        assert Feature.objects.get(key="report").name == "Long Report"

    def test_lets_a_changed_rate_hold_from_now_on_beside_the_old_one(self, folder: Path) -> None:
        load(folder)
        old = Rate.objects.get(feature__key="report")

        (change,) = load(folder, with_rates('{ pricing = "fixed", credits = 1 }'), now=MAY).changes

        assert report_rates() == [(25, BEGINNING), (100, MAY)]
        assert Rate.objects.get(pk=old.pk).credits == 25
        assert change.details["credits"] == {"before": 25, "after": 100}
        assert change.details["effective_at"] == MAY.isoformat()

    def test_lets_a_changed_rate_hold_from_the_date_that_it_names(self, folder: Path) -> None:
        load(folder)

        load(folder, with_rates(FOREVER, FROM_MAY))

        assert report_rates() == [(25, BEGINNING), (50, MAY)]

    def test_gives_a_new_model_its_price_for_all_times(self, folder: Path) -> None:
        load(folder)
        text = SMALL.replace(", per = 1_000 }]", ", per = 1_000 }, PLUS]").replace(
            "PLUS", '{ pricing = "per_token", model = "n", input_credits = 1, output_credits = 1, per = 1 }'
        )

        load(folder, text, now=MAY)

        assert Rate.objects.get(model="n").effective_at == BEGINNING

    def test_may_go_back_to_an_earlier_price(self, folder: Path) -> None:
        load(folder)
        load(folder, with_rates('{ pricing = "fixed", credits = 1 }'))

        load(folder, now=MAY)

        assert report_rates() == [(25, BEGINNING), (100, NOW), (25, MAY)]

    def test_keeps_and_names_what_the_file_no_longer_does(self, folder: Path) -> None:
        text = with_rates(FOREVER, FROM_MAY)
        load(folder, text)

        loaded = load(folder, SMALL[: SMALL.rindex("[[features]]")])

        assert loaded.kept == ["feature chat", f"rate of report that begins at {MAY}"]
        assert Feature.objects.filter(key="chat").exists()
        assert report_rates() == [(25, BEGINNING), (50, MAY)]

    def test_can_change_the_decimals_while_nobody_has_a_wallet(self, folder: Path) -> None:
        load(folder)

        load(folder, SMALL.replace("decimals = 2", "decimals = 3"))

        assert report_rates() == [(250, BEGINNING)]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("old", "new", "sentence"),
        [
            (
                "decimals = 2",
                "decimals = 3",
                "[program]: decimals: can't change from 2 to 3: organizations have wallets",
            ),
            ('unit = "credits"', 'unit = "tokens"', "[program]: unit: can't change from credits to tokens: "),
        ],
    )
    def test_unit_and_decimals_stay_once_a_wallet_is_open(
        self, folder: Path, old: str, new: str, sentence: str
    ) -> None:
        load(folder)
        factories.wallet(factories.organization(), Program.objects.get(key="small"))
        before = everything()

        (problem,) = refused(folder, SMALL.replace(old, new))

        assert problem.startswith(f"small.toml: {sentence}")
        assert everything() == before

    def test_a_rate_that_is_there_is_not_edited(self, folder: Path) -> None:
        load(folder, with_rates(FOREVER, FROM_MAY))

        (problem,) = refused(folder, with_rates(FOREVER, FROM_MAY.replace("0.50", "0.75")))

        assert "[[features]] report, [[rates]]: effective_at: another rate begins at 2026-05-01" in problem
        assert report_rates() == [(25, BEGINNING), (50, MAY)]

    def test_the_base_of_rates_that_hold_already_is_not_changed_without_a_date(self, folder: Path) -> None:
        load(folder, with_rates(FOREVER, FROM_MAY))

        (problem,) = refused(folder, with_rates(FOREVER.replace("0.25", "0.30"), FROM_MAY), now=MAY)

        assert "effective_at: missing: the rate changed, and a later one is in force." in problem

    def test_pricing_by_model_is_not_mixed_with_other_pricing(self, folder: Path) -> None:
        load(folder)

        (problem,) = refused(
            folder,
            with_rates('{ pricing = "per_token", model = "m", input_credits = 1, output_credits = 1, per = 1 }'),
        )

        assert "[[features]] report: rates: a feature priced per token can't be priced otherwise later" in problem

    def test_all_problems_are_named_and_nothing_is_written(self, folder: Path) -> None:
        load(folder, with_rates(FOREVER, FROM_MAY))
        factories.wallet(factories.organization(), Program.objects.get(key="small"))
        before = everything()
        text = with_rates(FOREVER, FROM_MAY.replace("0.50", "0.75")).replace('unit = "credits"', 'unit = "tokens"')

        assert len(refused(folder, text.replace('name = "Small"', 'name = "Other"'))) == 2
        assert everything() == before


class TestTheCommand:
    def test_loads_a_shipped_program_by_name_and_says_what_it_made(self) -> None:
        out = StringIO()

        call_command("load_program", "skydeck", stdout=out)

        lines = out.getvalue().splitlines()
        assert lines[0].startswith("program.created skydeck: name SkyDeck, unit credits, decimals 6, ")
        assert any(line.startswith("rate.created skydeck/code-completion: model code-small, ") for line in lines)
        assert lines[-1] == "skydeck: 20 changes."

    def test_says_when_nothing_changed(self) -> None:
        call_command("load_program", "growi", stdout=StringIO())
        out = StringIO()

        call_command("load_program", "growi", stdout=out)

        assert out.getvalue() == "growi: nothing changed.\n"

    def test_loads_a_file_and_prints_a_change(self, folder: Path) -> None:
        path = folder / "mine.toml"
        path.write_text(SMALL)
        call_command("load_program", str(path), stdout=StringIO())
        path.write_text(SMALL.replace('name = "Small"', 'name = "Smaller"'))
        out = StringIO()

        call_command("load_program", str(path), stdout=out)

        assert out.getvalue() == "program.changed small: name Small → Smaller\nsmall: 1 change.\n"

    def test_exits_with_1_and_a_line_per_problem(self, folder: Path) -> None:
        path = folder / "mine.toml"
        path.write_text(SMALL.replace("decimals = 2", "decimals = 1"))
        errors = StringIO()

        with pytest.raises(SystemExit) as end:
            call_command("load_program", str(path), stderr=errors)

        assert end.value.code == 1
        assert len(errors.getvalue().splitlines()) == 2
        assert errors.getvalue().startswith("mine.toml: [[features]] ")
        assert not Program.objects.exists()

    def test_exits_with_1_for_a_name_that_is_none(self) -> None:
        errors = StringIO()

        with pytest.raises(SystemExit):
            call_command("load_program", "nowhere", stderr=errors)

        assert errors.getvalue().startswith("nowhere: neither a program (allibee, ")


@pytest.mark.django_db(transaction=True)
def test_two_first_loads_at_once_make_one_program(folder: Path) -> None:
    path = folder / "small.toml"
    path.write_text(SMALL)
    terms = read_program(path)

    loads = run_many(lambda: load_program(terms, now=NOW), 4)

    assert sorted(len(loaded.changes) for loaded in loads) == [0, 0, 0, 6]
    assert Rate.objects.count() == 2
