"""Until when the credits last: at the pace of late, through beginnings and expiries, and honest where nobody knows."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from billing.dashboard.forecast import Forecast, Pace, forecast, lost_at_expiry, pace_days
from credits.balance.queries import OpenGrant

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def grant(remaining: int, *, begins: int = -1, ends: int | None = None, reserved: int = 0) -> OpenGrant:
    """A free grant that begins and ends so many days from now."""
    return OpenGrant(
        id=uuid4(),
        source="goodwill",
        amount=remaining,
        remaining=remaining,
        reserved=reserved,
        priority=50,
        effective_at=NOW + begins * DAY,
        expires_at=None if ends is None else NOW + ends * DAY,
        cost_minor=0,
        cost_currency="",
        features=None,
        frozen_at=None,
        created_at=NOW - DAY,
    )


def lasts(*grants: OpenGrant, used: int = 280) -> Forecast:
    """The forecast where so much was used in 28 days."""
    return forecast(grants, used=used, days=28, now=NOW)


def test_so_much_a_day_lasts_so_many_days() -> None:
    assert lasts(grant(100)) == Forecast("until", Pace(280, 28), NOW + 10 * DAY)


def test_what_is_reserved_does_not_count() -> None:
    assert lasts(grant(100, reserved=40)).until == NOW + 6 * DAY


def test_what_expires_before_the_pace_gets_to_it_is_lost() -> None:
    assert lasts(grant(100, ends=3), grant(50)).until == NOW + 8 * DAY


def test_what_expires_first_is_used_first() -> None:
    assert lasts(grant(50), grant(30, ends=3)).until == NOW + 8 * DAY


def test_what_begins_in_time_counts_and_what_begins_too_late_does_not() -> None:
    assert lasts(grant(50), grant(50, begins=4)).until == NOW + 10 * DAY
    assert lasts(grant(50), grant(50, begins=6)).until == NOW + 5 * DAY


def test_what_expires_alone_ends_with_its_expiry() -> None:
    assert lasts(grant(1_000, ends=5)).until == NOW + 5 * DAY


def test_less_than_one_a_day_is_a_pace_too() -> None:
    assert lasts(grant(2), used=1).until == NOW + 56 * DAY


@pytest.mark.parametrize(
    ("grants", "used", "days", "state"),
    [
        ([], 280, 28, "nothing left"),
        ([grant(10, begins=2)], 280, 28, "nothing left"),
        ([grant(10, reserved=10)], 280, 28, "nothing left"),
        ([grant(10)], 0, 28, "no use"),
        ([grant(10)], 10, 2, "too early"),
        ([grant(10)], 0, 0, "too early"),
        ([grant(10_000)], 280, 28, "long"),
    ],
)
def test_it_says_when_it_can_not_say(grants: list[OpenGrant], used: int, days: int, state: str) -> None:
    found = forecast(grants, used=used, days=days, now=NOW)

    assert (found.state, found.until) == (state, None)


def test_the_pace_is_measured_since_the_first_use_but_no_longer_than_four_weeks() -> None:
    assert pace_days(NOW, None) == 0
    assert pace_days(NOW, NOW - 5 * DAY) == 5
    assert pace_days(NOW, NOW - 400 * DAY) == 28
    assert pace_days(NOW, NOW + timedelta(minutes=3)) == 0


def lost(*grants: OpenGrant, used: int = 280) -> list[int | None]:
    """What each grant loses at its expiry, where so much was used in 28 days."""
    found = lost_at_expiry(grants, used=used, days=28, now=NOW)
    return [found.get(each.id) for each in grants]


def test_what_the_pace_gets_to_in_time_is_not_lost() -> None:
    assert lost(grant(100, ends=10), grant(101, ends=20), grant(30, ends=21)) == [0, 1, 20]


def test_nothing_used_loses_everything_but_what_never_ends() -> None:
    assert lost(grant(100, ends=10), grant(50), used=0) == [100, None]


def test_what_is_used_first_protects_nothing_that_expires_earlier() -> None:
    first = grant(100)
    first.priority = 0
    assert lost(first, grant(100, ends=15)) == [None, 50]


def test_a_grant_that_begins_later_is_used_from_then_on() -> None:
    assert lost(grant(60, begins=5, ends=10), grant(10, ends=2)) == [10, 0]


def test_what_is_reserved_or_frozen_is_not_counted_as_lost() -> None:
    frozen = grant(100, ends=1)
    frozen.frozen_at = NOW
    assert lost(grant(100, ends=1, reserved=40), frozen) == [50, None]
