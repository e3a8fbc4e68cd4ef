"""The meter with real connections: races for the same credits, and databases that fail in the middle of it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.models import Sum

from organizations.models import AuditEvent
from tests.support import factories
from tests.support.races import run_together
from tests.support.usage.usage_stage import ALWAYS, Stage, give, prove_books, row_counts, set_up
from usage import limits
from usage.limits import Limits
from usage.metering import events, meter, reservations, rows, usage_refunds
from usage.metering.rows import Found
from usage.models import Limit, LimitUse, Service, UsageEvent
from usage.pricing import Measures
from usage.services import ai_switch
from usage.uses import Metered, Use, UseRefusal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(transactional_db: None) -> Iterator[Stage]:
    yield set_up(credits=1_000)
    prove_books()


def ten(stage: Stage, key: object, **fields: Any) -> Use:
    """A use of ten credits."""
    return stage.use(f"{key}", "query", measures=Measures(credits=10), **fields)


def pay(*wanted: Use) -> list[Metered | UseRefusal]:
    """Have uses metered by the database's clock, as the product's servers do."""
    return meter.meter(wanted)


def race(batches: Sequence[Sequence[Use]]) -> list[Metered | UseRefusal]:
    """Have batches metered at the same moment, each over a connection of its own; fail where one raised."""
    answers: list[Metered | UseRefusal] = []
    for result in run_together([partial(meter.meter, batch) for batch in batches]):
        assert isinstance(result, list), repr(result)
        answers += result
    return answers


def kinds(answers: Sequence[object]) -> Counter[str]:
    return Counter(answer.type if isinstance(answer, UseRefusal) else type(answer).__name__ for answer in answers)


def spent() -> int:
    return int(UsageEvent.objects.aggregate(total=Sum("credits"))["total"] or 0)


class TestLimits:
    def test_twenty_at_once_get_exactly_what_the_limit_still_allows(self, stage: Stage) -> None:
        limits.set_limit(organization=stage.organization, credits=100, actor=stage.owner)

        answers = race([[ten(stage, n)] for n in range(20)])

        assert kinds(answers) == {"Metered": 10, "usage_limit_reached": 10}
        assert spent() == LimitUse.objects.get().credits == 100

    def test_control_limits_that_are_read_before_the_lock_are_overrun(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits.set_limit(organization=stage.organization, credits=100, actor=stage.owner)
        find, read = rows.find, limits.read
        seen_early = threading.local()
        everyone_has_looked = threading.Barrier(20, timeout=30)

        def find_and_look(wanted: Sequence[Use]) -> Found:
            with connection.cursor() as cursor:
                cursor.execute("SELECT now()")
                now = cursor.fetchone()[0]
            moment = limits.Moment.at(now, ZoneInfo("UTC"))
            seen_early.limits = read(
                {stage.organization.pk: moment}, user_ids=[stage.owner.pk], team_ids=[], feature_ids=[]
            )
            everyone_has_looked.wait()
            return find(wanted)

        def look_back(*_: object, **__: object) -> Limits:
            early: Limits = seen_early.limits
            return early

        monkeypatch.setattr(rows, "find", find_and_look)
        monkeypatch.setattr(limits, "read", look_back)

        answers = race([[ten(stage, n)] for n in range(20)])

        assert kinds(answers) == {"Metered": 20}
        assert spent() == 200
        with pytest.raises(AssertionError, match="What counts against a limit"):
            prove_books()
        LimitUse.objects.update(credits=200)

    def test_a_limit_set_in_the_middle_of_spends_misses_none_and_counts_none_twice(self, stage: Stage) -> None:
        set_it = partial(limits.set_limit, organization=stage.organization, credits=1_000, actor=stage.owner)
        spends = [partial(pay, ten(stage, n), ten(stage, f"{n} again")) for n in range(12)]

        results = run_together([*spends[:6], set_it, *spends[6:]])

        assert not [result for result in results if isinstance(result, Exception)]
        assert spent() == LimitUse.objects.get().credits == 240

    def test_a_limit_set_by_many_and_cleared_meanwhile_breaks_no_spend(self, stage: Stage) -> None:
        first = limits.set_limit(organization=stage.organization, credits=900, actor=stage.owner)
        spends = [partial(pay, ten(stage, n)) for n in range(8)]
        sets = [
            partial(limits.set_limit, organization=stage.organization, credits=credits, actor=stage.owner)
            for credits in (500, 600, 700)
        ]
        clear = partial(limits.clear_limit, limit=first, actor=stage.owner)

        results = run_together([*spends[:4], *sets, clear, clear, *spends[4:]])

        assert not [result for result in results if isinstance(result, Exception)]
        assert spent() == 80
        assert Limit.objects.count() <= 1
        assert not LimitUse.objects.exclude(credits=80).exists()
        assert AuditEvent.objects.filter(action="limit.cleared").count() == 1

    def test_reservations_and_uses_race_for_the_same_limit(self, stage: Stage) -> None:
        limits.set_limit(organization=stage.organization, credits=100, actor=stage.owner)
        reserve = [partial(reservations.reserve, stage.use(f"r{n}", "query"), credits=10) for n in range(10)]

        results = run_together([*reserve, *[partial(pay, ten(stage, n)) for n in range(10)]])

        paid = sum(1 for result in results if isinstance(result, list) and isinstance(result[0], Metered))
        reserved = sum(1 for result in results if hasattr(result, "expires_at"))
        assert paid + reserved == 10
        assert kinds([r for r in results if isinstance(r, Exception)]) == {"usage_limit_reached": 10 - reserved}


class TestUses:
    def test_the_same_use_fifty_times_at_once_is_paid_once(self, stage: Stage) -> None:
        answers = race([[ten(stage, "same")] for _ in range(50)])

        assert kinds(answers) == {"Metered": 50}
        assert len({answer.event_id for answer in answers if isinstance(answer, Metered)}) == 1
        assert sum(1 for answer in answers if isinstance(answer, Metered) and not answer.was_replayed) == 1
        assert stage.balance() == 990

    def test_batches_over_two_organizations_in_opposite_orders_do_not_block_each_other(self, stage: Stage) -> None:
        charlie = factories.person("Charlie")
        globex = factories.organization(charlie, slug="globex")
        give(factories.wallet(globex, stage.program, now=ALWAYS), 1_000)

        def batch(n: int) -> list[Use]:
            pair = [
                ten(stage, n, service=f"s{n % 3}"),
                ten(stage, n, service=f"s{n % 3}", organization="globex", user=charlie.email),
            ]
            return pair if n % 2 else pair[::-1]

        answers = race([batch(n) for n in range(20)])

        assert kinds(answers) == {"Metered": 40}
        assert sorted(Service.objects.values_list("organization__slug", "key")) == [
            (slug, f"s{n}") for slug in ("acme", "globex") for n in range(3)
        ]

    def test_the_last_credits_go_once_and_ai_goes_off_for_all(self, stage: Stage) -> None:
        stage.program.at_zero = "switch_off"
        stage.program.save()
        pay(stage.use("most", "enrich", measures=Measures(quantity=900)))

        answers = race([[ten(stage, n, service=f"s{n}")] for n in range(20)])

        assert kinds(answers)["Metered"] == 10
        assert set(kinds(answers)) <= {"Metered", "ai_switched_off", "insufficient_credits"}
        assert stage.balance() == 0
        assert not Service.objects.filter(is_ai_on=True).exists()

    def test_no_use_gets_past_a_switch(self, stage: Stage) -> None:
        pay(ten(stage, "first"))
        switch = partial(ai_switch.switch_ai, service=Service.objects.get(), on=False, actor=stage.owner)

        results = run_together([*[partial(pay, ten(stage, n)) for n in range(10)], switch])

        switched_at = Service.objects.get().switched_at
        assert switched_at is not None
        assert not UsageEvent.objects.filter(written_at__gt=switched_at).exists()
        assert set(kinds([r[0] for r in results if isinstance(r, list)])) <= {"Metered", "ai_switched_off"}


class TestRefundsAndReservations:
    def test_parts_refunded_at_once_never_exceed_the_use(self, stage: Stage) -> None:
        (paid,) = pay(stage.use("a"))
        assert isinstance(paid, Metered)
        terms: dict[str, Any] = {"credits": 10, "reason": "failed", "within": None, "via": "test"}

        results = run_together([partial(usage_refunds.refund, paid.event_id, key=f"{n}", **terms) for n in range(12)])

        assert kinds(results) == {"RefundedUse": 5, "refund_too_large": 7}
        assert stage.event(paid).refunded == 50
        assert stage.balance() == 1_000

    def test_the_same_refund_many_times_at_once_gives_back_once(self, stage: Stage) -> None:
        (paid,) = pay(stage.use("a"))
        assert isinstance(paid, Metered)
        terms: dict[str, Any] = {"key": "same", "reason": "failed", "within": None, "via": "test"}

        results = run_together([partial(usage_refunds.refund, paid.event_id, credits=None, **terms)] * 12)

        assert kinds(results) == {"RefundedUse": 12}
        assert len({result.refund_id for result in results}) == 1
        assert stage.balance() == 1_000

    def test_a_settlement_and_a_release_at_once_end_a_reservation_once(self, stage: Stage) -> None:
        for n in range(4):
            reserved = reservations.reserve(stage.use(f"r{n}", "query"), credits=100)
            settle = partial(reservations.settle, measures=Measures(credits=10), within=None, via="test")
            before = stage.balance()

            results = run_together(
                [partial(settle, reserved.id), partial(reservations.release, reserved.id, within=None)] * 3
            )

            is_settled = "SettledUse" in kinds(results)
            assert kinds(results) in (
                {"SettledUse": 3, "reservation_closed": 3},
                {"Reserved": 3, "reservation_closed": 3},
            )
            assert stage.balance() == before - 10 * is_settled


@contextmanager
def another_connection() -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody else."""
    terms = {k: v for k, v in connection.get_connection_params().items() if k not in {"cursor_factory", "context"}}
    with psycopg.connect(**terms, autocommit=True) as other:
        yield other


def end_own_connection() -> None:
    """Have the server end the connection that the test's statements go over."""
    with another_connection() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])


class TestFaults:
    def test_a_wallet_that_stays_locked_is_given_up_and_nothing_is_written(self, stage: Stage) -> None:
        before = row_counts()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        try:
            with another_connection() as other, other.transaction():
                other.execute("SELECT FROM credits_wallet FOR UPDATE")
                with pytest.raises(OperationalError, match="lock timeout"):
                    pay(stage.use("a", service="new"))
                with pytest.raises(OperationalError, match="lock timeout"):
                    reservations.reserve(stage.use("r", "query"), credits=10)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

        assert row_counts() == before
        assert not Service.objects.exists()
        assert kinds(pay(stage.use("a"))) == {"Metered": 1}

    @pytest.mark.parametrize("moment", ["before the lock", "under the lock", "while writing"])
    def test_a_connection_that_is_ended_in_the_middle_has_written_nothing_and_a_retry_pays_once(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, moment: str
    ) -> None:
        module, name = {
            "before the lock": (rows, "find"),
            "under the lock": (rows, "read_switched_off"),
            "while writing": (events, "insert_events"),
        }[moment]
        real = getattr(module, name)

        def ended_first(*args: Any, **kwargs: Any) -> Any:
            end_own_connection()
            return real(*args, **kwargs)

        before = row_counts()
        connection.ensure_connection()
        with monkeypatch.context() as patched:
            patched.setattr(module, name, ended_first)
            with pytest.raises(OperationalError):
                pay(stage.use("a", service="new"))
        connection.close()  # as the next request does with a connection that has failed

        assert row_counts() == before
        assert not Service.objects.exists()
        (retried,) = pay(stage.use("a", service="new"))
        assert isinstance(retried, Metered)
        assert not retried.was_replayed
        assert stage.balance() == 950

    @pytest.mark.parametrize("verb", ["use", "reservation", "settlement", "refund"])
    def test_where_the_answer_to_the_commit_is_lost_a_retry_returns_what_is_true(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        (paid,) = pay(stage.use("paid"))
        assert isinstance(paid, Metered)
        reserved = reservations.reserve(stage.use("reserved", "query"), credits=100)
        settled: dict[str, Any] = {"measures": Measures(credits=30), "within": None, "via": "test"}
        refunded: dict[str, Any] = {"key": "b", "reason": "failed", "within": None, "via": "test"}
        acts: dict[str, Callable[[], Any]] = {
            "use": lambda: pay(stage.use("a"))[0],
            "reservation": partial(reservations.reserve, stage.use("r", "query"), credits=100),
            "settlement": partial(reservations.settle, reserved.id, **settled),
            "refund": partial(usage_refunds.refund, paid.event_id, credits=20, **refunded),
        }
        act = acts[verb]
        commit = connection.commit

        def lose_the_answer() -> None:
            commit()
            raise OperationalError("server closed the connection unexpectedly")

        with monkeypatch.context() as patched:
            patched.setattr(connection, "commit", lose_the_answer)
            with pytest.raises(OperationalError):
                act()
        after = row_counts()

        retried: Any = act()

        assert retried.was_replayed
        assert retried.credits == {"use": 50, "reservation": 100, "settlement": 30, "refund": 20}[verb]
        assert row_counts() == after
