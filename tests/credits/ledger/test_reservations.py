"""Reservations: set aside at once, then settled, released or timed out; what goes back obeys the grant's validity."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from credits import ledger
from credits.models import Entry, EntryKind, Grant, Operation, Reservation
from tests.support import factories
from tests.support.ledger_calls import Desk
from tests.support.reference.invariants import check_wallet, written

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def desk() -> Desk:
    return Desk(factories.wallet(factories.organization(), factories.program(reservation_seconds=600)))


def left_of(grant_id: UUID) -> tuple[int, int]:
    """Return what a grant holds, and how much of it is reserved."""
    grant = Grant.objects.get(pk=grant_id)
    return grant.remaining, grant.reserved


def state_of(reserved: ledger.Reserved) -> str:
    return Reservation.objects.get(pk=reserved.id).state


class TestReserving:
    def test_it_takes_the_credits_out_of_reach_but_not_out_of_the_balance(self, desk: Desk) -> None:
        grant = desk.grant(10)
        reserved = desk.reserve(6)
        assert (reserved.state, reserved.credits, reserved.available_after) == ("open", 6, 4)
        assert left_of(grant) == (10, 6)
        desk.wallet.refresh_from_db()
        assert (desk.wallet.balance, desk.wallet.reserved, desk.wallet.last_number) == (10, 6, 1)
        with pytest.raises(ledger.InsufficientCredits) as refusal:
            desk.spend(5)
        assert (refusal.value.available, refusal.value.reserved) == (4, 6)
        check_wallet(desk.wallet.pk)

    def test_all_or_nothing(self, desk: Desk) -> None:
        desk.grant(10)
        before = written(desk.wallet.pk)
        with pytest.raises(ledger.InsufficientCredits):
            desk.reserve(11)
        assert written(desk.wallet.pk) == before

    @pytest.mark.parametrize("request_", [{"credits": 0}, {"credits": -1}, {"seconds": 0}, {"seconds": 86_401}])
    def test_amounts_and_times_out_of_bounds_are_refused(self, desk: Desk, request_: dict[str, int]) -> None:
        desk.grant(10)
        before = written(desk.wallet.pk)
        with pytest.raises(ValueError, match=r"An amount must be|A reservation lasts"):
            desk.reserve(request_.get("credits", 1), seconds=request_.get("seconds", 60))
        assert written(desk.wallet.pk) == before

    def test_it_lasts_as_long_as_the_program_says_unless_asked_otherwise(self, desk: Desk) -> None:
        desk.grant(10)
        by_default = desk._do(ledger.reserve, credits=1, feature="chat")
        assert by_default.expires_at == desk.now + timedelta(seconds=600)
        assert desk.reserve(1, seconds=86_400).expires_at == desk.now + timedelta(days=1)


class TestSettling:
    def test_for_exactly_what_was_set_aside(self, desk: Desk) -> None:
        grant = desk.grant(10)
        reserved = desk.reserve(6)
        settled = desk.settle(reserved, 6)
        assert (settled.charged, settled.debt, settled.uncollected) == (6, 0, 0)
        assert (left_of(grant), state_of(reserved)) == ((4, 0), "settled")
        assert Reservation.objects.get(pk=reserved.id).operation_id == settled.operation.id
        check_wallet(desk.wallet.pk)

    def test_for_less_gives_the_rest_back(self, desk: Desk) -> None:
        first, second = desk.grant(5, priority=1), desk.grant(5, priority=2)
        settled = desk.settle(desk.reserve(8), 3)
        assert (settled.charged, settled.operation.available_after) == (3, 7)
        assert (left_of(first), left_of(second)) == ((2, 0), (5, 0))
        check_wallet(desk.wallet.pk)

    def test_for_more_draws_the_rest_in_burn_down_order(self, desk: Desk) -> None:
        grant, later = desk.grant(10), desk.grant(10, priority=60)
        reserved = desk.reserve(6)
        sooner = desk.grant(3, priority=1)
        settled = desk.settle(reserved, 15)
        assert (settled.charged, settled.debt, settled.uncollected) == (15, 0, 0)
        assert (left_of(sooner), left_of(grant), left_of(later)) == ((0, 0), (0, 0), (8, 0))
        check_wallet(desk.wallet.pk)

    def test_for_nothing_writes_a_usage_without_entries_and_gives_all_back(self, desk: Desk) -> None:
        grant = desk.grant(10)
        settled = desk.settle(desk.reserve(6), 0)
        assert (settled.charged, settled.operation.credits, settled.operation.available_after) == (0, 0, 10)
        assert left_of(grant) == (10, 0)
        check_wallet(desk.wallet.pk)

    def test_what_was_set_aside_pays_though_its_grant_has_expired_and_the_rest_expires(self, desk: Desk) -> None:
        short = desk.grant(10, days=1)
        desk.pass_time(hours=23, minutes=59)
        reserved = desk.reserve(8, seconds=600)
        desk.pass_time(minutes=5)
        settled = desk.settle(reserved, 3)
        assert settled.charged == 3
        assert left_of(short) == (0, 0)
        lines = Entry.objects.filter(grant_id=short).order_by("number").values_list("kind", "amount")
        # The two that were not reserved expire when the book is opened, the five unused with the settlement.
        assert list(lines) == [("grant", 10), ("expiry", -2), ("usage", -3), ("expiry", -5)]
        assert settled.operation.available_after == 0
        check_wallet(desk.wallet.pk)

    def test_beyond_what_was_set_aside_an_expired_grant_pays_nothing(self, desk: Desk) -> None:
        desk.grant(10, days=1)
        desk.pass_time(hours=23, minutes=59)
        reserved = desk.reserve(4, seconds=600)
        desk.pass_time(minutes=5)
        settled = desk.settle(reserved, 9)
        assert (settled.charged, settled.debt, settled.uncollected) == (4, 0, 5)

    def test_a_grant_frozen_meanwhile_pays_what_was_set_aside_and_no_more(self, desk: Desk) -> None:
        disputed = desk.grant(10)
        reserved = desk.reserve(4)
        desk.freeze(disputed)
        settled = desk.settle(reserved, 6)
        assert (settled.charged, settled.uncollected) == (4, 2)
        assert left_of(disputed) == (6, 0)

    def test_the_rest_is_drawn_only_from_grants_that_allow_the_feature(self, desk: Desk) -> None:
        desk.grant(4)
        reserved = desk.reserve(4, "chat")
        only_reports = desk.grant(10, features=frozenset({"report"}))
        settled = desk.settle(reserved, 9)
        assert (settled.charged, settled.uncollected) == (4, 5)
        assert left_of(only_reports) == (10, 0)

    def test_a_negative_cost_is_refused(self, desk: Desk) -> None:
        desk.grant(10)
        reserved = desk.reserve(4)
        before = written(desk.wallet.pk)
        with pytest.raises(ValueError, match="An amount must be"):
            desk.settle(reserved, -1)
        assert written(desk.wallet.pk) == before

    def test_it_is_settled_once(self, desk: Desk) -> None:
        desk.grant(10)
        reserved = desk.reserve(4)
        desk.settle(reserved, 4)
        with pytest.raises(ledger.IdempotencyConflict):
            desk.settle(reserved, 3)
        with pytest.raises(ledger.ReservationClosed) as refusal:
            desk.release(reserved)
        assert refusal.value.state == "settled"


class TestReleasing:
    def test_everything_goes_back_and_no_entry_is_written(self, desk: Desk) -> None:
        grant = desk.grant(10)
        reserved = desk.reserve(6)
        desk.release(reserved)
        assert (left_of(grant), state_of(reserved)) == ((10, 0), "released")
        assert Entry.objects.count() == 1
        check_wallet(desk.wallet.pk)

    def test_again_does_nothing(self, desk: Desk) -> None:
        desk.grant(10)
        reserved = desk.reserve(6)
        desk.release(reserved)
        before = written(desk.wallet.pk)
        desk.release(reserved)
        assert written(desk.wallet.pk) == before
        with pytest.raises(ledger.ReservationClosed):
            desk.settle(reserved, 1)

    def test_what_goes_back_to_an_expired_grant_expires_at_once(self, desk: Desk) -> None:
        short = desk.grant(10, days=1)
        desk.pass_time(hours=23, minutes=59)
        reserved = desk.reserve(10, seconds=600)
        desk.pass_time(minutes=2)
        desk.release(reserved)
        assert left_of(short) == (0, 0)
        assert Operation.objects.get(kind=EntryKind.EXPIRY).credits == -10
        check_wallet(desk.wallet.pk)

    def test_what_does_not_exist_and_what_is_anothers_is_unknown(self, desk: Desk) -> None:
        stranger = factories.person("Charlie")
        other = Desk(factories.wallet(factories.organization(stranger, slug="globex"), desk.wallet.program))
        other.grant(10)
        theirs = other.reserve(5)
        keys = [(desk.wallet.pk, "a"), (other.wallet.pk, "a")]
        with ledger.open_book(keys=keys, now=desk.now) as book:
            for reservation_id in (theirs.id, uuid4()):
                with pytest.raises(ledger.UnknownReservation):
                    ledger.release(book, wallet_id=desk.wallet.pk, reservation_id=reservation_id)
        assert state_of(theirs) == "open"


class TestTimingOut:
    def test_it_is_released_by_itself_when_the_wallet_is_next_opened(self, desk: Desk) -> None:
        desk.grant(10)
        reserved = desk.reserve(10, seconds=60)
        desk.pass_time(seconds=60)
        assert desk.spend(10).balance_after == 0
        assert state_of(reserved) == "timed_out"
        check_wallet(desk.wallet.pk)

    def test_it_holds_until_the_last_microsecond(self, desk: Desk) -> None:
        desk.grant(10)
        reserved = desk.reserve(10, seconds=60)
        desk.now += timedelta(seconds=60) - MICROSECOND
        with pytest.raises(ledger.InsufficientCredits):
            desk.spend(1)
        assert desk.settle(reserved, 10).charged == 10

    def test_it_is_too_late_to_settle_at_its_end(self, desk: Desk) -> None:
        desk.grant(10)
        reserved = desk.reserve(10, seconds=60)
        desk.pass_time(seconds=60)
        before = written(desk.wallet.pk)
        with pytest.raises(ledger.ReservationClosed) as refusal:
            desk.settle(reserved, 10)
        assert refusal.value.state == "timed_out"
        assert written(desk.wallet.pk) == before

    def test_the_sweep_releases_it_too_once(self, desk: Desk) -> None:
        desk.grant(10)
        reserved, still_open = desk.reserve(3, seconds=60), desk.reserve(4, seconds=61)
        desk.pass_time(seconds=60)
        assert ledger.release_timed_out(now=desk.now) == 1
        assert ledger.release_timed_out(now=desk.now) == 0
        assert (state_of(reserved), state_of(still_open)) == ("timed_out", "open")
        check_wallet(desk.wallet.pk)

    def test_what_times_out_after_its_grant_expired_expires(self, desk: Desk) -> None:
        short = desk.grant(10, days=1)
        desk.pass_time(hours=23, minutes=59)
        desk.reserve(10, seconds=600)
        desk.pass_time(minutes=2)
        assert ledger.sweep_expired(now=desk.now) == 0  # it is still reserved
        desk.pass_time(minutes=10)
        assert ledger.release_timed_out(now=desk.now) == 1
        assert left_of(short) == (0, 0)
        check_wallet(desk.wallet.pk)
