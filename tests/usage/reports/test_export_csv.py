"""The usage page as a file: what is in it, for whom, and that no spreadsheet runs anything of it."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import StreamingHttpResponse
from django.test import Client

from tests.support import factories
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage import rollups
from usage.metering.meter import meter
from usage.metering.usage_refunds import refund
from usage.pricing import Measures
from usage.reports import day_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/usage.csv"


@pytest.fixture
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up()


def text(stage: Stage, **query: str) -> str:
    response: Any = signed_in(stage.owner).get(URL, query)
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response).decode()


def lines(stage: Stage, **query: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text(stage, **query).removeprefix("\ufeff").splitlines()))


def test_it_is_for_owners_alone(stage: Stage) -> None:
    assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)


def test_a_line_says_who_used_what_where_and_how_much(stage: Stage) -> None:
    chat = Measures(model="small", input_tokens=10, output_tokens=2)
    answer = stage.pay("a", "chat", measures=chat, service="shop", occurred_at=NOW - timedelta(days=1))
    refund(answer.event_id, credits=12, key="r", reason="", within=None, now=NOW)
    rollups.roll_up(stage.organization, now=NOW)
    meter([stage.use("b", user=None), stage.use("c", user=None)], now=NOW)

    yesterday, today = lines(stage)

    assert yesterday == {
        "Day": "2026-03-09",
        "Status": "final",
        "User": "Alice",
        "Email address": stage.owner.email,
        "Team": "",
        "Feature": "Chat",
        "Service": "shop",
        "Model": "small",
        "Credits": "60",
        "Refunded": "12",
        "Net": "48",
        "Uses": "1",
        "Input tokens": "10",
        "Output tokens": "2",
        "Quantity": "0",
    }
    assert [today[name] for name in ("Day", "Status", "User", "Net", "Uses")] == [
        "2026-03-10",
        "so far, not final",
        "",
        "100",
        "2",
    ]


def test_it_has_what_the_page_has(stage: Stage) -> None:
    meter(
        [stage.use("a"), stage.use("b", service="shop"), stage.use("c", occurred_at=NOW - timedelta(days=20))], now=NOW
    )

    assert [line["Service"] for line in lines(stage)] == ["main", "shop"]
    assert [line["Service"] for line in lines(stage, service="shop", range="last_30_days")] == ["shop"]
    assert [line["Day"] for line in lines(stage, since="2026-02-18", until="2026-02-18")] == ["2026-02-18"]


def test_amounts_are_exact_in_the_programs_unit(stage: Stage) -> None:
    stage.program.decimals = 6
    stage.program.save()
    meter([stage.use("a")], now=NOW)

    assert lines(stage)[0]["Net"] == "0.000050"


def test_no_text_of_it_is_run_by_a_spreadsheet(stage: Stage) -> None:
    stage.owner.name = "=2+5"
    stage.owner.save()
    meter([stage.use("a", service="@SUM(A1)")], now=NOW)

    (line,) = lines(stage)

    assert (line["User"], line["Service"]) == ("'=2+5", "'@SUM(A1)")


def test_a_spreadsheet_takes_it_for_utf_8_and_its_name_says_what_it_is(stage: Stage) -> None:
    response = signed_in(stage.owner).get(URL)

    assert response["Content-Disposition"] == 'attachment; filename="acme-usage-2026-03-01-2026-03-10.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert text(stage).startswith("\ufeffDay,Status,")


def test_it_is_read_some_lines_at_a_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    meter([stage.use(f"u{n}", service=f"service-{n}") for n in range(7)], now=NOW)
    monkeypatch.setattr(day_lines, "AT_A_TIME", 2)

    assert len(lines(stage)) == 7


def test_nonsense_is_refused_with_a_sentence(stage: Stage) -> None:
    response = signed_in(stage.owner).get(URL, {"team": "nobody"})

    assert response.status_code == 422
    assert "Select a valid choice." in response.content.decode()


def test_an_organization_without_a_wallet_has_no_file(db: None) -> None:
    owner = factories.person("Dora")
    factories.organization(owner, slug="new")
    client: Client = signed_in(owner)

    assert client.get("/o/new/usage.csv").status_code == 404
