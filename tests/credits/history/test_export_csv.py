"""The change history as a file: the filtered whole, exact, and harmless in a spreadsheet."""

import csv
import io
from datetime import datetime, timedelta

import pytest

from credits.history.export_csv import defused
from credits.history.queries import each_operation
from credits.models import Operation
from tests.support import factories
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage.metering.meter import meter

pytestmark = pytest.mark.django_db

URL = "/o/acme/history.csv"


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up()


def download(stage: Stage, query: str = "") -> list[dict[str, str]]:
    response = signed_in(stage.owner).get(URL + query)
    assert response.streaming
    text = response.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_it_is_for_owners_alone(stage: Stage) -> None:
    assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)


def test_it_holds_every_operation_newest_first(stage: Stage) -> None:
    meter([stage.use(f"u{n}") for n in range(120)], now=NOW)

    lines = download(stage)

    assert [line["Operation"] for line in lines] == [
        str(pk) for pk in Operation.objects.order_by("-number").values_list("pk", flat=True)
    ]
    assert [*each_operation(stage.wallet, at_a_time=7)] == [*Operation.objects.order_by("-number")]


def test_its_totals_are_those_of_the_page(stage: Stage) -> None:
    meter([stage.use(f"u{n}") for n in range(60)], now=NOW)

    page = signed_in(stage.owner).get("/o/acme/history/?kind=usage")
    lines = download(stage, "?kind=usage")

    assert sum(int(line["Change in smallest units"]) for line in lines) == page.context["sum"].change == -3_000
    everything = download(stage)
    assert sum(int(line["Change in smallest units"]) for line in everything) == stage.balance()
    assert int(everything[0]["Balance after in smallest units"]) == stage.balance()


def test_amounts_are_exact_and_times_have_their_offset(stage: Stage) -> None:
    stage.program.decimals = 6
    stage.program.save()
    stage.organization.time_zone = "Asia/Tokyo"
    stage.organization.save()
    meter([stage.use("u", occurred_at=NOW - timedelta(days=3))], now=NOW)

    newest, oldest = download(stage)

    assert (newest["Change"], newest["Change in smallest units"]) == ("-0.000050", "-50")
    assert oldest["Balance after"] == "0.010000"
    assert newest["Occurred"] == "2026-03-07T21:00:00+09:00"
    assert datetime.fromisoformat(newest["Recorded"]) == NOW
    assert newest["Email address"] == "alice@example.com"


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_run_as_a_formula(stage: Stage, beginning: str) -> None:
    text = f"{beginning}HYPERLINK(1)"
    stage.owner.name = text
    stage.owner.save()
    meter([stage.use("u", via=text)], now=NOW)

    line = download(stage)[0]

    assert line["User"] == line["Via"] == f"'{text}"
    assert defused("plain = text") == "plain = text"


def test_what_is_written_while_it_is_sent_does_not_change_it(stage: Stage) -> None:
    meter([stage.use(f"u{n}") for n in range(10)], now=NOW)
    operations = each_operation(stage.wallet, at_a_time=3)
    seen = [next(operations)]
    meter([stage.use("late")], now=NOW)

    seen += operations

    assert len(seen) == len({operation.pk for operation in seen}) == 11


def test_an_organization_without_a_wallet_has_no_file() -> None:
    owner = factories.person("Dora")
    factories.organization(owner, slug="new")

    assert signed_in(owner).get("/o/new/history.csv").status_code == 404
