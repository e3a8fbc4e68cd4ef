"""Members ask for more of a limit, owners answer: who is told what, once, and what becomes of the limit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from credits.models import Wallet
from notices.models import Notice
from organizations.members.membership import remove_member
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.races import run_together
from tests.support.usage.usage_stage import NOW, Stage, prove_books, set_up
from usage import limits
from usage.limits import LimitRefused, Moment
from usage.limits import requests as limit_requests
from usage.limits.changes import LimitChange
from usage.limits.events import LIMIT_ANSWERED, LIMIT_REQUESTED
from usage.limits.requests import AlreadyAnswered, AlreadyAsked, RequestRefused
from usage.models import Feature, Limit, LimitRequest
from usage.pricing import Measures
from usage.uses import LimitReached, Metered

pytestmark = pytest.mark.django_db

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up(credits=100_000)
    prove_books()


@pytest.fixture
def bob(stage: Stage) -> User:
    user = factories.person("Bob")
    factories.member(stage.organization, user)
    return user


@pytest.fixture
def limit(stage: Stage, bob: User) -> Limit:
    """Bob may use 100 a month, and has."""
    made = limits.set_limit(organization=stage.organization, user=bob, credits=100, actor=stage.owner, now=NOW)
    use(stage, bob, 100)
    return made


@pytest.fixture
def asked(limit: Limit, bob: User) -> LimitRequest:
    return limit_requests.ask(limit=limit, user=bob, credits=300, message="A big report", now=NOW)


def use(stage: Stage, user: User, credits: int, **fields: Any) -> Metered:
    return stage.pay(f"{credits}", "enrich", user=user.email, measures=Measures(quantity=credits), **fields)


def grant(request: LimitRequest, stage: Stage, credits: int = 300, **terms: Any) -> None:
    limit_requests.grant(request=request, credits=credits, actor=stage.owner, **{"now": NOW, **terms})


def decline(request: LimitRequest, stage: Stage) -> None:
    limit_requests.decline(request=request, sentence="Not this month", actor=stage.owner, now=NOW)


def answers(user: User) -> list[dict[str, Any]]:
    return list(Notice.objects.filter(kind=LIMIT_ANSWERED.name, user=user).values_list("details", flat=True))


class TestAsking:
    def test_the_owners_are_told_who_asks_for_what_and_what_was_used(self, stage: Stage, asked: LimitRequest) -> None:
        notice = Notice.objects.get(kind=LIMIT_REQUESTED.name)

        assert notice.user is None
        assert [mail.user for mail in notice.mails.all()] == [stage.owner]
        assert notice.details == {
            "request": asked.public_id,
            "member": "Bob",
            "scope": "user",
            "name": "Bob",
            "feature_name": "",
            "limit": 100,
            "used": 100,
            "asked": 300,
            "message": "A big report",
            "decimals": 0,
            "unit": "credits",
        }
        event = AuditEvent.objects.get(action="limit.requested")
        assert (event.actor, event.target, event.reason) == (asked.user, asked.public_id, "A big report")

    def test_asking_twice_is_asking_once(self, asked: LimitRequest, bob: User) -> None:
        with pytest.raises(AlreadyAsked):
            limit_requests.ask(limit=asked.limit, user=bob, now=NOW)

        assert LimitRequest.objects.count() == Notice.objects.filter(kind=LIMIT_REQUESTED.name).count() == 1

    def test_after_an_answer_one_may_ask_again(self, stage: Stage, asked: LimitRequest, bob: User) -> None:
        decline(asked, stage)
        limit_requests.ask(limit=asked.limit, user=bob, now=NOW)

        requests = Notice.objects.filter(kind=LIMIT_REQUESTED.name).order_by("pk")
        # What is answered is off the dashboard.
        assert [notice.dismissed_at for notice in requests] == [NOW, None]

    def test_of_a_limit_that_many_are_under_each_may_ask(self, stage: Stage, bob: User) -> None:
        team = factories.team(stage.organization)
        stage.organization.memberships.update(team=team)
        for whose in ({}, {"team": team}, {"feature": Feature.objects.get(key="report")}):
            made = limits.set_limit(organization=stage.organization, credits=5, actor=stage.owner, now=NOW, **whose)
            for user in (bob, stage.owner):
                limit_requests.ask(limit=made, user=user, now=NOW)

        assert LimitRequest.objects.filter(state="open").count() == 6

    def test_a_limit_that_is_not_about_one_is_not_asked_about(self, stage: Stage, limit: Limit, bob: User) -> None:
        team = factories.team(stage.organization)
        foreign = limits.set_limit(organization=stage.organization, team=team, credits=5, actor=stage.owner, now=NOW)
        charlie = factories.person("Charlie")

        for wrong, user in ((foreign, bob), (limit, stage.owner), (limit, charlie)):
            with pytest.raises(RequestRefused):
                limit_requests.ask(limit=wrong, user=user, now=NOW)
        assert not LimitRequest.objects.exists()

    @pytest.mark.parametrize("credits", [100, 1, 10**12 + 1])
    def test_it_is_for_more_than_is_allowed_now(self, limit: Limit, bob: User, credits: int) -> None:
        with pytest.raises(RequestRefused):
            limit_requests.ask(limit=limit, user=bob, credits=credits, now=NOW)


class TestGranting:
    def test_for_good_it_is_the_limit_from_now_on(self, stage: Stage, asked: LimitRequest, bob: User) -> None:
        grant(asked, stage, 250)

        assert use(stage, bob, 150).credits == 150
        limit = Limit.objects.get()
        assert (limit.credits, limit.raised_until) == (250, None)
        (details,) = answers(bob)
        assert (details["granted"], details["credits"], details["until"]) == (True, 250, None)
        assert (details["answered_by"], details["name"]) == ("Alice", "Bob")

    def test_for_a_time_it_ends_by_itself(self, stage: Stage, asked: LimitRequest, bob: User) -> None:
        grant(asked, stage, until=TOMORROW)

        use(stage, bob, 120)
        with pytest.raises(LimitReached):
            use(stage, bob, 80, now=TOMORROW)
        assert datetime.fromisoformat(answers(bob)[0]["until"]) == TOMORROW
        assert Limit.objects.get().credits == 100

    def test_a_second_answer_says_what_was_decided_by_whom(self, stage: Stage, asked: LimitRequest, bob: User) -> None:
        grant(asked, stage)

        with pytest.raises(AlreadyAnswered, match="Alice already answered this request: approved"):
            decline(asked, stage)
        with pytest.raises(AlreadyAnswered):
            grant(asked, stage, 999)
        assert Limit.objects.get().credits == 300
        assert len(answers(bob)) == 1
        assert AuditEvent.objects.filter(action="limit.request_granted").count() == 1

    @pytest.mark.parametrize("terms", [{"credits": 100}, {"credits": 100, "until": TOMORROW}, {"until": NOW}])
    def test_what_is_no_more_is_refused_and_leaves_it_open(
        self, stage: Stage, asked: LimitRequest, bob: User, terms: dict[str, Any]
    ) -> None:
        with pytest.raises((RequestRefused, LimitRefused)):
            grant(asked, stage, **terms)

        assert LimitRequest.objects.get().state == "open"
        assert answers(bob) == []

    def test_a_member_who_has_left_is_told_nothing(self, stage: Stage, asked: LimitRequest, bob: User) -> None:
        remove_member(organization=stage.organization, user=bob, actor=stage.owner)

        grant(asked, stage)

        assert answers(bob) == []


class TestDeclining:
    def test_the_limit_stays_and_the_member_is_told_why(self, stage: Stage, asked: LimitRequest, bob: User) -> None:
        decline(asked, stage)

        (details,) = answers(bob)
        assert (details["granted"], details["answer"]) == (False, "Not this month")
        assert Limit.objects.get().credits == 100
        asked.refresh_from_db()
        assert (asked.state, asked.answered_by, asked.answered_at) == ("declined", stage.owner, NOW)
        assert AuditEvent.objects.get(action="limit.request_declined").reason == "Not this month"


class TestLimitsThatGo:
    def test_whoever_asked_is_told_that_the_limit_is_taken_away(
        self, stage: Stage, asked: LimitRequest, bob: User
    ) -> None:
        limits.clear_limit(limit=asked.limit, actor=stage.owner, now=NOW)

        (details,) = answers(bob)
        assert (details["granted"], details["credits"]) == (True, None)
        assert use(stage, bob, 5_000).credits == 5_000

    def test_what_is_gone_is_neither_asked_about_nor_answered(
        self, stage: Stage, asked: LimitRequest, bob: User
    ) -> None:
        limit = asked.limit
        limits.clear_limit(limit=limit, actor=stage.owner, now=NOW)

        for act in (
            partial(limit_requests.ask, limit=limit, user=bob, now=NOW),
            partial(grant, asked, stage),
            partial(decline, asked, stage),
        ):
            with pytest.raises(LimitRefused):
                act()


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_two_owners_who_answer_at_once_one_has_answered(
        self, transactional_db: None, stage: Stage, asked: LimitRequest, bob: User
    ) -> None:
        yes = partial(limit_requests.grant, request=asked, credits=500, actor=stage.owner, now=NOW)
        no = partial(limit_requests.decline, request=asked, sentence="No", actor=stage.owner, now=NOW)

        results = run_together([yes, no] * 3)

        assert sum(isinstance(result, AlreadyAnswered) for result in results) == 5
        (details,) = answers(bob)
        assert details["granted"] == (Limit.objects.get().credits == 500)

    def test_control_without_the_lock_both_have_answered(
        self, transactional_db: None, stage: Stage, asked: LimitRequest, bob: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        still_open, both_have_looked = limit_requests._still_open, threading.Barrier(2, timeout=30)

        def look(request: LimitRequest) -> tuple[Limit, LimitRequest]:
            found = still_open(request)
            both_have_looked.wait()
            return found

        @contextmanager
        def unlocked(organization_id: int, now: datetime) -> Iterator[LimitChange]:
            with transaction.atomic():
                yield LimitChange(Wallet.objects.get(organization_id=organization_id), Moment.at(now, ZoneInfo("UTC")))

        monkeypatch.setattr(limit_requests, "_still_open", look)
        monkeypatch.setattr(limit_requests, "open_change", unlocked)
        yes = partial(limit_requests.grant, request=asked, credits=500, actor=stage.owner, now=NOW)
        no = partial(limit_requests.decline, request=asked, sentence="No", actor=stage.owner, now=NOW)

        assert run_together([yes, no]) == [None, None]
        assert AuditEvent.objects.filter(action__startswith="limit.request_").count() == 2

    def test_a_member_who_asks_many_times_at_once_has_asked_once(
        self, transactional_db: None, limit: Limit, bob: User
    ) -> None:
        results = run_together([partial(limit_requests.ask, limit=limit, user=bob, now=NOW)] * 5)

        assert sum(isinstance(result, AlreadyAsked) for result in results) == 4
        assert LimitRequest.objects.count() == 1
