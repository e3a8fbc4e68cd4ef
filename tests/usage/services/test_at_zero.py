"""At zero: where the program says so, AI goes off in all of an organization's services, and stays off."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from credits import ledger
from notices.models import Notice
from organizations.models import Organization
from tests.support import factories
from tests.support.usage.usage_stage import ALWAYS, NOW, Stage, give, price, prove_books, set_up
from usage import limits, uses
from usage.api.problems import from_refusal
from usage.metering import reservations, usage_refunds
from usage.models import Service
from usage.pricing import Measures
from usage.services import ai_switch
from usage.uses import Metered, SwitchedOff

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Acme has used two services and holds 50 credits; AI goes off at zero."""
    stage = set_up(credits=150, at_zero="switch_off")
    stage.pay("before 1", service="shop")
    stage.pay("before 2", service="desk")
    yield stage
    prove_books()


def switched_on() -> list[str]:
    return sorted(Service.objects.filter(is_ai_on=True, organization__slug="acme").values_list("key", flat=True))


def test_the_last_credit_switches_ai_off_in_every_service(stage: Stage) -> None:
    assert switched_on() == ["desk", "shop"]

    assert stage.pay("last", service="shop", now=NOW + MINUTE).available == 0

    assert switched_on() == []
    assert set(Service.objects.values_list("switched_at", flat=True)) == {NOW + MINUTE}
    with pytest.raises(SwitchedOff) as refused:
        stage.pay("more", service="desk")
    assert refused.value.service == "desk"


def test_one_credit_left_leaves_it_on(stage: Stage) -> None:
    stage.pay("most", "enrich", service="shop", measures=Measures(quantity=49))

    assert switched_on() == ["desk", "shop"]


def test_a_use_that_is_too_large_is_refused_and_leaves_it_on(stage: Stage) -> None:
    with pytest.raises(uses.Insufficient):
        stage.pay("large", "enrich", service="shop", measures=Measures(quantity=51))
    with pytest.raises(uses.Insufficient):
        reservations.reserve(stage.use("large", "query", service="shop"), credits=51, now=NOW)

    assert switched_on() == ["desk", "shop"]
    stage.pay("small", "query", measures=Measures(credits=10))


def test_a_use_that_finds_nothing_left_switches_it_off(stage: Stage) -> None:
    """Credits that expire come to their end without a use."""
    stage.pay("all", service="shop")
    give(stage.wallet, 50, key="short", now=NOW, expires_at=NOW + MINUTE)
    Service.objects.update(is_ai_on=True)

    with pytest.raises(uses.Insufficient):
        stage.pay("late", service="shop", now=NOW + MINUTE)

    assert switched_on() == []


def test_credits_that_expire_switch_it_off_though_nobody_uses_anything(stage: Stage) -> None:
    stage.pay("all", service="shop")
    give(stage.wallet, 50, key="short", now=NOW, expires_at=NOW + MINUTE)
    Service.objects.update(is_ai_on=True)

    assert ledger.sweep_expired(now=NOW + MINUTE) == 1

    assert switched_on() == []
    told = Notice.objects.filter(kind="balance.depleted").values_list("details__ai_off_at_zero", flat=True)
    assert list(told) == [True, True]


def test_so_does_a_reservation_that_finds_nothing_left(stage: Stage) -> None:
    stage.pay("all", service="shop")
    Service.objects.update(is_ai_on=True)

    with pytest.raises(uses.Insufficient):
        reservations.reserve(stage.use("r", "query", service="shop"), credits=1, now=NOW)

    assert switched_on() == []


def test_other_uses_of_the_same_batch_are_refused_and_their_services_go_off_too(stage: Stage) -> None:
    answers = stage.meter(
        stage.use("last", service="new"), stage.use("more", service="shop"), stage.use("free", service="newer")
    )

    assert isinstance(answers[0], Metered)
    assert [type(answer) for answer in answers[1:]] == [SwitchedOff, SwitchedOff]
    assert switched_on() == []
    assert set(Service.objects.values_list("key", flat=True)) == {"desk", "new", "shop"}


def test_a_replay_is_answered_after_the_switch(stage: Stage) -> None:
    last, replay = stage.meter(stage.use("last"), stage.use("before 1", service="shop"))

    assert isinstance(last, Metered)
    assert isinstance(replay, Metered)
    assert replay.was_replayed


def test_what_is_reserved_may_still_come_back_so_it_stays_on(stage: Stage) -> None:
    reserved = reservations.reserve(stage.use("r", "query", service="shop"), credits=20, now=NOW)
    stage.pay("rest", "enrich", measures=Measures(quantity=30))
    with pytest.raises(uses.Insufficient):
        stage.pay("more", "enrich", measures=Measures(quantity=1))
    assert switched_on() == ["desk", "main", "shop"]

    reservations.settle(reserved.id, measures=Measures(credits=20), within=None, via="test", now=NOW)

    assert switched_on() == []


def test_a_settlement_that_leaves_something_leaves_it_on(stage: Stage) -> None:
    reserved = reservations.reserve(stage.use("r", "query", service="shop"), credits=50, now=NOW)
    reservations.settle(reserved.id, measures=Measures(credits=49), within=None, via="test", now=NOW)

    assert switched_on() == ["desk", "shop"]


def test_a_settlement_is_paid_though_ai_was_switched_off_meanwhile(stage: Stage) -> None:
    reserved = reservations.reserve(stage.use("r", "query", service="shop"), credits=20, now=NOW)
    Service.objects.update(is_ai_on=False)

    settled = reservations.settle(reserved.id, measures=Measures(credits=10), within=None, via="test", now=NOW)

    assert settled.credits == 10


def test_a_refund_that_is_used_up_again_switches_it_off_though_nobody_is_notified_twice(stage: Stage) -> None:
    last = stage.pay("last", service="shop")
    usage_refunds.refund(last.event_id, credits=10, key="r", reason="failed", within=None, now=NOW)
    ai_switch.switch_all_on(organization=stage.organization, actor=stage.owner, now=NOW)

    stage.pay("again", "query", service="shop", measures=Measures(credits=10))

    assert switched_on() == []
    assert Notice.objects.filter(kind="balance.depleted").count() == 1


@pytest.mark.parametrize("how", ["expires", "is frozen"])
def test_so_does_a_refund_that_expires_or_is_frozen(stage: Stage, how: str) -> None:
    """Neither is a use, and neither notifies anybody again."""
    stage.pay("all", service="shop")
    granted = give(stage.wallet, 50, key="short", now=NOW, expires_at=NOW + MINUTE if how == "expires" else None)
    Service.objects.update(is_ai_on=True)
    used = stage.pay("last", service="shop")
    usage_refunds.refund(used.event_id, credits=10, key="r", reason="failed", within=None, now=NOW)
    Service.objects.update(is_ai_on=True)
    notices = Notice.objects.count()

    if how == "expires":
        assert ledger.sweep_expired(now=NOW + MINUTE) == 1
    else:
        with ledger.open_book(keys=[(stage.wallet.pk, "")], now=NOW + MINUTE) as book:
            assert granted.subject is not None
            assert ledger.freeze(book, wallet_id=stage.wallet.pk, grant_id=granted.subject)

    assert (switched_on(), Notice.objects.count()) == ([], notices)


def test_a_use_that_is_refused_because_ai_is_off_costs_no_statement_more(stage: Stage) -> None:
    stage.pay("last", service="shop")
    with CaptureQueriesContext(connection) as of_django:
        (refusal,) = stage.meter(stage.use("more", service="shop"))

    assert isinstance(refusal, SwitchedOff)
    # The meter's own statements run past Django's cursor; turning AI off again would not.
    assert [query["sql"] for query in of_django if "SAVEPOINT" not in query["sql"]] == []


def test_it_is_undone_with_what_emptied_the_wallet(stage: Stage) -> None:
    def expire_and_fail() -> None:
        with ledger.open_book(keys=[(stage.wallet.pk, "")], now=NOW + MINUTE):
            pass
        assert switched_on() == []
        raise RuntimeError("the cause failed")

    stage.pay("all", service="shop")
    give(stage.wallet, 50, key="short", now=NOW, expires_at=NOW + MINUTE)
    Service.objects.update(is_ai_on=True)

    with pytest.raises(RuntimeError, match="the cause failed"), transaction.atomic():
        expire_and_fail()

    assert switched_on() == ["desk", "shop"]


def test_credits_that_are_still_to_begin_switch_nothing_off(stage: Stage) -> None:
    stage.pay("all", service="shop")
    Service.objects.update(is_ai_on=True)

    give(stage.wallet, 50, key="later", now=NOW, effective_at=NOW + MINUTE)

    assert switched_on() == ["desk", "shop"]


def test_another_organization_of_the_same_program_is_left_alone(stage: Stage) -> None:
    charlie = factories.person("Charlie")
    globex = factories.organization(charlie, slug="globex")
    give(factories.wallet(globex, stage.program, now=ALWAYS), 100)
    theirs = stage.use("theirs", organization="globex", user=charlie.email)

    _, first = stage.meter(stage.use("last"), theirs)
    (second,) = stage.meter(stage.use("theirs 2", organization="globex", user=None, service="shop"))

    assert isinstance(first, Metered)
    assert isinstance(second, Metered)
    # Globex has come to its own end now.
    assert not Service.objects.filter(organization=globex, is_ai_on=True).exists()


def test_a_program_that_only_refuses_switches_nothing_off(stage: Stage) -> None:
    stage.program.at_zero = "refuse"
    stage.program.save()

    stage.pay("last")
    with pytest.raises(uses.Insufficient):
        stage.pay("more", service="shop")

    assert switched_on() == ["desk", "main", "shop"]


def test_it_stays_off_after_new_credits_until_someone_switches_it_on(stage: Stage) -> None:
    stage.pay("last", service="shop")
    stage.give(1_000)

    with pytest.raises(SwitchedOff):
        stage.pay("a", service="shop")
    shop = Service.objects.get(key="shop")
    assert ai_switch.switch_ai(service=shop, on=True, actor=stage.owner, now=NOW)

    assert stage.pay("b", service="shop").credits == 50
    with pytest.raises(SwitchedOff):
        stage.pay("c", service="desk")


def reason_of_a_large_use(stage: Stage) -> object:
    """What the API says of a use of 50 credits."""
    (refusal,) = stage.meter(stage.use("large", service="shop"))
    assert isinstance(refusal, uses.UseRefusal)
    return from_refusal(refusal).document().reason


def test_the_api_says_empty_where_credits_have_to_be_bought(stage: Stage) -> None:
    stage.pay("some", "query", service="shop", measures=Measures(credits=10))
    assert reason_of_a_large_use(stage) == "empty"


def test_the_api_says_reserved_where_reservations_hold_enough(stage: Stage) -> None:
    reservations.reserve(stage.use("r", "query", service="shop"), credits=10, now=NOW)
    assert reason_of_a_large_use(stage) == "reserved"


def test_the_api_says_recharging_where_credits_are_on_their_way(stage: Stage) -> None:
    stage.pay("some", "query", service="shop", measures=Measures(credits=10))
    with ledger.open_book(keys=[(stage.wallet.pk, "")], now=NOW) as book:
        ledger.set_recharging(book, wallet_id=stage.wallet.pk, until=NOW + MINUTE)
    assert reason_of_a_large_use(stage) == "recharging"


def test_the_api_says_switched_off_and_where_to_switch_it_on_whatever_is_left(stage: Stage, settings: Any) -> None:
    stage.pay("last", service="shop")
    assert reason_of_a_large_use(stage) == "switched_off"
    stage.give(1_000)

    (refusal,) = stage.meter(stage.use("large", service="shop"))

    assert isinstance(refusal, uses.UseRefusal)
    problem = from_refusal(refusal).document()
    assert (problem.status, problem.reason, problem.service) == (403, "switched_off", "shop")
    assert problem.services_url == f"{settings.BASE_URL}/o/acme/services/"


def test_a_refused_use_because_of_a_limit_switches_nothing_off(stage: Stage) -> None:
    limits.set_limit(organization=stage.organization, credits=0, actor=stage.owner, now=NOW)

    with pytest.raises(uses.LimitReached):
        stage.pay("a", service="shop")

    assert switched_on() == ["desk", "shop"]


def test_credits_for_other_features_are_something_left(stage: Stage) -> None:
    price(stage.program, "hello", pricing="fixed", credits=1)
    give(stage.wallet, 5, key="hello", features=frozenset({"hello"}))
    stage.pay("last", service="shop")

    with pytest.raises(uses.Insufficient):
        stage.pay("more", service="shop")

    assert switched_on() == ["desk", "shop"]
    assert stage.pay("hello", "hello", service="shop").available == 4
    assert Organization.objects.get(slug="acme").services.count() == 2
