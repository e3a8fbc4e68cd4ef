"""Amounts, money, shares and times as English, Japanese and Korean write them, to the last digit."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from organizations import formats

LANGUAGES = ("en", "ja", "ko")
MORNING = datetime(2026, 12, 2, 22, 5, 9, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("amount", "decimals", "written"),
    [
        (0, 0, "0"),
        (999, 0, "999"),
        (15_000_000, 0, "15,000,000"),
        (-1_234, 0, "−1,234"),
        (0, 6, "0.00"),
        (1, 6, "0.000001"),
        (1_500_000, 6, "1.50"),
        (1_230_000, 6, "1.23"),
        (1_234_000, 6, "1.234"),
        (-12_345_678, 6, "−12.345678"),
        (2**63 - 1, 6, "9,223,372,036,854.775807"),
        (2**63 - 1, 0, "9,223,372,036,854,775,807"),
        (5, 1, "0.5"),
    ],
)
def test_credits_show_every_digit_they_have_and_no_more(
    language: str, amount: int, decimals: int, written: str
) -> None:
    assert formats.format_credits(amount, decimals=decimals, language=language) == written


@pytest.mark.parametrize(("amount", "written"), [(500, "+500"), (0, "0"), (-500, "−500")])
def test_a_signed_amount_has_a_plus_or_a_true_minus_and_zero_has_neither(amount: int, written: str) -> None:
    assert formats.format_credits(amount, decimals=0, language="en", signed=True) == written


@pytest.mark.parametrize(
    ("amount", "decimals", "unit", "written"),
    [
        (1, 0, "credits", "1 credit"),
        (-1, 0, "credits", "−1 credit"),
        (0, 0, "credits", "0 credits"),
        (2_500_000, 0, "tokens", "2,500,000 tokens"),
        (1, 0, "tokens", "1 token"),
        (1_000_000, 6, "credits", "1.00 credits"),
    ],
)
def test_the_unit_agrees_with_its_number(amount: int, decimals: int, unit: str, written: str) -> None:
    with translation.override("en"):
        assert formats.format_credits_with_unit(amount, decimals=decimals, unit=unit, language="en") == written


def test_a_unit_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="'points' is not a unit of credits"):
        formats.format_credits_with_unit(1, decimals=0, unit="points", language="en")


@pytest.mark.parametrize(
    ("amount_minor", "currency", "english", "japanese", "korean"),
    [
        (10_000, "JPY", "¥10,000", "￥10,000", "JP¥10,000"),
        (11_000, "KRW", "₩11,000", "₩11,000", "₩11,000"),
        (1_050, "EUR", "€10.50", "€10.50", "€10.50"),
        (1_050, "USD", "$10.50", "$10.50", "US$10.50"),
        (-1_050, "USD", "−$10.50", "−$10.50", "−US$10.50"),
        (123_456, "ZAR", "ZAR\xa01,234.56", "ZAR\xa01,234.56", "ZAR\xa01,234.56"),
        (0, "EUR", "€0.00", "€0.00", "€0.00"),
        (1_234_500, "KWD", "KWD\xa01,234.500", "KWD\xa01,234.500", "KWD\xa01,234.500"),
        (2**63 - 1, "EUR", "€92,233,720,368,547,758.07", "€92,233,720,368,547,758.07", "€92,233,720,368,547,758.07"),
    ],
)
def test_money_is_written_as_each_language_does(
    amount_minor: int, currency: str, english: str, japanese: str, korean: str
) -> None:
    written = [formats.format_money(amount_minor, currency=currency, language=language) for language in LANGUAGES]
    assert written == [english, japanese, korean]


def test_a_currency_printed_without_decimals_still_shows_those_it_has() -> None:
    assert formats.format_money(1_234_500, currency="ISK", language="en") == "ISK\xa012,345"
    assert formats.format_money(1_234_567, currency="ISK", language="en") == "ISK\xa012,345.67"


@pytest.mark.parametrize("currency", ["UGX", "XYZ", "eur", ""])
def test_a_currency_that_no_amount_is_kept_in_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="is not a supported currency"):
        formats.format_money(1, currency=currency, language="en")


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (0, 100, "0%"),
        (1, 1000, "<1%"),
        (899, 1000, "89%"),
        (999_999, 1_000_000, "99%"),
        (5, 5, "100%"),
        (12, 10, "120%"),
        (1, 0, "0%"),
    ],
)
def test_a_share_is_rounded_down_so_that_100_per_cent_means_all(part: int, whole: int, written: str) -> None:
    assert formats.format_share(part, whole, language="en") == written


def test_a_day_is_written_as_on_a_statement() -> None:
    written = [formats.format_day(date(2026, 12, 3), language=language) for language in LANGUAGES]
    assert written == ["Dec 3, 2026", "2026年12月3日", "2026년 12월 3일"]


def test_an_instant_is_written_on_the_clocks_of_the_time_zone() -> None:
    written = [formats.format_instant(MORNING, language=language, time_zone=TOKYO) for language in LANGUAGES]
    assert written == ["Dec 3, 2026, 7:05\u202fAM", "2026年12月3日 7:05", "2026년 12월 3일 AM 7:05"]


def test_an_instant_in_the_hour_that_comes_twice_keeps_its_day_and_minute() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    twice = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert [formats.format_instant(value, language="ja", time_zone=berlin) for value in twice] == [
        "2026年10月25日 2:30",
        "2026年10月25日 2:30",
    ]


def test_a_relative_time_says_before_or_after() -> None:
    written = [
        formats.format_relative(MORNING + timedelta(days=days), now=MORNING, language=language)
        for days, language in [(3, "en"), (-2, "en"), (3, "ja"), (-2, "ko")]
    ]
    assert written == ["in 3 days", "2 days ago", "3 日後", "2일 전"]


def render(source: str, **context: object) -> str:
    with translation.override("en"), timezone.override(TOKYO):
        return Template("{% load formats %}" + source).render(Context(context))


def test_templates_write_amounts_by_the_program() -> None:
    tokens = SimpleNamespace(decimals=0, unit="tokens")
    dollars = SimpleNamespace(decimals=6, unit="credits")
    assert render("{{ value|credits:program }}", value=1, program=tokens) == "1 token"
    assert render("{{ value|signed_credits:program }}", value=1_500_000, program=dollars) == "+1.50 credits"
    assert render("{{ value|amount:program }}", value=-2_000, program=tokens) == "−2,000"
    assert render("{{ value|signed_amount:program }}", value=2_000, program=tokens) == "+2,000"
    assert render("{{ value|unit:program }}", value=1, program=tokens) == "token"


def test_templates_write_money_and_shares() -> None:
    assert render("{% money 1050 'EUR' %}") == "€10.50"
    assert render("{{ 1|share_of:8 }}") == "12%"


def test_templates_mark_times_for_machines() -> None:
    assert render("{% instant value %}", value=MORNING) == (
        '<time datetime="2026-12-02T22:05:09+00:00">Dec 3, 2026, 7:05\u202fAM</time>'
    )
    assert render("{% day value %}", value=MORNING) == '<time datetime="2026-12-03">Dec 3, 2026</time>'
    assert render("{% day value %}", value=date(2026, 12, 2)) == '<time datetime="2026-12-02">Dec 2, 2026</time>'
    assert render("{{ value|relative:now }}", value=MORNING, now=MORNING - timedelta(hours=5)) == "in 5 hours"
