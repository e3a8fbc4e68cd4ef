"""Reservations: set aside at once, then settled, released or timed out; what goes back obeys the grant's validity."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from credits import ledger
from credits.models import Entry, EntryKind, Grant, Operation, Reservation
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet, written
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program(reservation_seconds=600)))


def left_of(grant_id: UUID) -> tuple[int, int]:
    """Return what a grant holds, and how much of it is reserved."""
    grant = Grant.objects.get(pk=grant_id)
    return grant.remaining, grant.reserved


def state_of(reserved: ledger.Reserved) -> str:
    return Reservation.objects.get(pk=reserved.id).state


class TestReserving:
    def test_it_takes_the_credits_out_of_reach_but_not_out_of_the_balance(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        reserved = driver.reserve(6)
        assert (reserved.state, reserved.credits, reserved.available_after) == ("open", 6, 4)
        assert left_of(grant) == (10, 6)
        driver.wallet.refresh_from_db()
        assert (driver.wallet.balance, driver.wallet.reserved, driver.wallet.last_number) == (10, 6, 1)
        with pytest.raises(ledger.InsufficientCredits) as refusal:
            driver.spend(5)
        assert (refusal.value.available, refusal.value.reserved) == (4, 6)
        check_wallet(driver.wallet.pk)

    def test_all_or_nothing(self, driver: WalletDriver) -> None:
        driver.grant(10)
        before = written(driver.wallet.pk)
        with pytest.raises(ledger.InsufficientCredits):
            driver.reserve(11)
        assert written(driver.wallet.pk) == before

    @pytest.mark.parametrize("request_", [{"credits": 0}, {"credits": -1}, {"seconds": 0}, {"seconds": 86_401}])
    def test_amounts_and_times_out_of_bounds_are_refused(self, driver: WalletDriver, request_: dict[str, int]) -> None:
        driver.grant(10)
        before = written(driver.wallet.pk)
        with pytest.raises(ValueError, match=r"An amount must be|A reservation lasts"):
            driver.reserve(request_.get("credits", 1), seconds=request_.get("seconds", 60))
        assert written(driver.wallet.pk) == before

    def test_it_lasts_as_long_as_the_program_says_unless_asked_otherwise(self, driver: WalletDriver) -> None:
        driver.grant(10)
        by_default = driver._do(ledger.reserve, credits=1, feature="chat")
        assert by_default.expires_at == driver.now + timedelta(seconds=600)
        assert driver.reserve(1, seconds=86_400).expires_at == driver.now + timedelta(days=1)


class TestSettling:
    def test_for_exactly_what_was_set_aside(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        reserved = driver.reserve(6)
        settled = driver.settle(reserved, 6)
        assert (settled.charged, settled.debt, settled.uncollected) == (6, 0, 0)
        assert (left_of(grant), state_of(reserved)) == ((4, 0), "settled")
        assert Reservation.objects.get(pk=reserved.id).operation_id == settled.operation.id
        check_wallet(driver.wallet.pk)

    def test_for_less_gives_the_rest_back(self, driver: WalletDriver) -> None:
        first, second = driver.grant(5, priority=1), driver.grant(5, priority=2)
        settled = driver.settle(driver.reserve(8), 3)
        assert (settled.charged, settled.operation.available_after) == (3, 7)
        assert (left_of(first), left_of(second)) == ((2, 0), (5, 0))
        check_wallet(driver.wallet.pk)

    def test_for_more_draws_the_rest_in_burn_down_order(self, driver: WalletDriver) -> None:
        grant, later = driver.grant(10), driver.grant(10, priority=60)
        reserved = driver.reserve(6)
        sooner = driver.grant(3, priority=1)
        settled = driver.settle(reserved, 15)
        assert (settled.charged, settled.debt, settled.uncollected) == (15, 0, 0)
        assert (left_of(sooner), left_of(grant), left_of(later)) == ((0, 0), (0, 0), (8, 0))
        check_wallet(driver.wallet.pk)

    def test_for_nothing_writes_a_usage_without_entries_and_gives_all_back(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        settled = driver.settle(driver.reserve(6), 0)
        assert (settled.charged, settled.operation.credits, settled.operation.available_after) == (0, 0, 10)
        assert left_of(grant) == (10, 0)
        check_wallet(driver.wallet.pk)

    def test_what_was_set_aside_pays_though_its_grant_has_expired_and_the_rest_expires(
        self, driver: WalletDriver
    ) -> None:
        short = driver.grant(10, days=1)
        driver.pass_time(hours=23, minutes=59)
        reserved = driver.reserve(8, seconds=600)
        driver.pass_time(minutes=5)
        settled = driver.settle(reserved, 3)
        assert settled.charged == 3
        assert left_of(short) == (0, 0)
        lines = Entry.objects.filter(grant_id=short).order_by("number").values_list("kind", "amount")
        # The two that were not reserved expire when the book is opened, the five unused with the settlement.
        assert list(lines) == [("grant", 10), ("expiry", -2), ("usage", -3), ("expiry", -5)]
        assert settled.operation.available_after == 0
        check_wallet(driver.wallet.pk)

    def test_beyond_what_was_set_aside_an_expired_grant_pays_nothing(self, driver: WalletDriver) -> None:
        driver.grant(10, days=1)
        driver.pass_time(hours=23, minutes=59)
        reserved = driver.reserve(4, seconds=600)
        driver.pass_time(minutes=5)
        settled = driver.settle(reserved, 9)
        assert (settled.charged, settled.debt, settled.uncollected) == (4, 0, 5)

    def test_a_grant_frozen_meanwhile_pays_what_was_set_aside_and_no_more(self, driver: WalletDriver) -> None:
        disputed = driver.grant(10)
        reserved = driver.reserve(4)
        driver.freeze(disputed)
        settled = driver.settle(reserved, 6)
        assert (settled.charged, settled.uncollected) == (4, 2)
        assert left_of(disputed) == (6, 0)

    def test_the_rest_is_drawn_only_from_grants_that_allow_the_feature(self, driver: WalletDriver) -> None:
        driver.grant(4)
        reserved = driver.reserve(4, "chat")
        only_reports = driver.grant(10, features=frozenset({"report"}))
        settled = driver.settle(reserved, 9)
        assert (settled.charged, settled.uncollected) == (4, 5)
        assert left_of(only_reports) == (10, 0)

    def test_a_negative_cost_is_refused(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved = driver.reserve(4)
        before = written(driver.wallet.pk)
        with pytest.raises(ValueError, match="An amount must be"):
            driver.settle(reserved, -1)
        assert written(driver.wallet.pk) == before

    def test_it_is_settled_once(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved = driver.reserve(4)
        driver.settle(reserved, 4)
        with pytest.raises(ledger.IdempotencyConflict):
            driver.settle(reserved, 3)
        with pytest.raises(ledger.ReservationClosed) as refusal:
            driver.release(reserved)
        assert refusal.value.state == "settled"


class TestReleasing:
    def test_everything_goes_back_and_no_entry_is_written(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        reserved = driver.reserve(6)
        driver.release(reserved)
        assert (left_of(grant), state_of(reserved)) == ((10, 0), "released")
        assert Entry.objects.count() == 1
        check_wallet(driver.wallet.pk)

    def test_again_does_nothing(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved = driver.reserve(6)
        driver.release(reserved)
        before = written(driver.wallet.pk)
        driver.release(reserved)
        assert written(driver.wallet.pk) == before
        with pytest.raises(ledger.ReservationClosed):
            driver.settle(reserved, 1)

    def test_what_goes_back_to_an_expired_grant_expires_at_once(self, driver: WalletDriver) -> None:
        short = driver.grant(10, days=1)
        driver.pass_time(hours=23, minutes=59)
        reserved = driver.reserve(10, seconds=600)
        driver.pass_time(minutes=2)
        driver.release(reserved)
        assert left_of(short) == (0, 0)
        assert Operation.objects.get(kind=EntryKind.EXPIRY).credits == -10
        check_wallet(driver.wallet.pk)

    def test_what_does_not_exist_and_what_is_anothers_is_unknown(self, driver: WalletDriver) -> None:
        stranger = factories.person("Charlie")
        other = WalletDriver(factories.wallet(factories.organization(stranger, slug="globex"), driver.wallet.program))
        other.grant(10)
        theirs = other.reserve(5)
        keys = [(driver.wallet.pk, "a"), (other.wallet.pk, "a")]
        with ledger.open_book(keys=keys, now=driver.now) as book:
            for reservation_id in (theirs.id, uuid4()):
                with pytest.raises(ledger.UnknownReservation):
                    ledger.release(book, wallet_id=driver.wallet.pk, reservation_id=reservation_id)
        assert state_of(theirs) == "open"


class TestTimingOut:
    def test_it_is_released_by_itself_when_the_wallet_is_next_opened(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved = driver.reserve(10, seconds=60)
        driver.pass_time(seconds=60)
        assert driver.spend(10).balance_after == 0
        assert state_of(reserved) == "timed_out"
        check_wallet(driver.wallet.pk)

    def test_it_holds_until_the_last_microsecond(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved = driver.reserve(10, seconds=60)
        driver.now += timedelta(seconds=60) - MICROSECOND
        with pytest.raises(ledger.InsufficientCredits):
            driver.spend(1)
        assert driver.settle(reserved, 10).charged == 10

    def test_it_is_too_late_to_settle_at_its_end(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved = driver.reserve(10, seconds=60)
        driver.pass_time(seconds=60)
        before = written(driver.wallet.pk)
        with pytest.raises(ledger.ReservationClosed) as refusal:
            driver.settle(reserved, 10)
        assert refusal.value.state == "timed_out"
        assert written(driver.wallet.pk) == before

    def test_the_sweep_releases_it_too_once(self, driver: WalletDriver) -> None:
        driver.grant(10)
        reserved, still_open = driver.reserve(3, seconds=60), driver.reserve(4, seconds=61)
        driver.pass_time(seconds=60)
        assert ledger.release_timed_out(now=driver.now) == 1
        assert ledger.release_timed_out(now=driver.now) == 0
        assert (state_of(reserved), state_of(still_open)) == ("timed_out", "open")
        check_wallet(driver.wallet.pk)

    def test_what_times_out_after_its_grant_expired_expires(self, driver: WalletDriver) -> None:
        short = driver.grant(10, days=1)
        driver.pass_time(hours=23, minutes=59)
        driver.reserve(10, seconds=600)
        driver.pass_time(minutes=2)
        assert ledger.sweep_expired(now=driver.now) == 0  # it is still reserved
        driver.pass_time(minutes=10)
        assert ledger.release_timed_out(now=driver.now) == 1
        assert left_of(short) == (0, 0)
        check_wallet(driver.wallet.pk)
