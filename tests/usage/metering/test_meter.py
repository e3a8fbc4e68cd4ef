"""Metering: each use is answered by itself, in order, once, at the price of its own instant."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from credits.models import Entry, Operation
from organizations.members.membership import remove_member
from organizations.models import Organization
from sql import statements
from tests.support import factories
from tests.support.usage.usage_stage import ALWAYS, NOW, Stage, give, price, prove_books, row_counts, set_up
from usage import limits, uses
from usage.metering.meter import meter
from usage.models import Service
from usage.pricing import Measures
from usage.uses import Metered, Use

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up()
    prove_books()


@pytest.fixture
def globex(stage: Stage) -> Organization:
    """Another organization under the same program, with credits of its own."""
    organization = factories.organization(factories.person("Charlie"), slug="globex")
    give(factories.wallet(organization, stage.program, now=ALWAYS), 1_000)
    return organization


def charlies(key: str, feature: str = "report") -> Use:
    return Use(organization="globex", key=key, feature=feature, user="charlie@example.com", via="test")


def kinds(answers: list[Metered | uses.UseRefusal]) -> list[str]:
    return [answer.type if isinstance(answer, uses.UseRefusal) else "paid" for answer in answers]


class TestAnswers:
    def test_nothing_asked_is_nothing_answered(self) -> None:
        assert meter([]) == []

    def test_a_use_takes_its_price_and_writes_its_event(self, stage: Stage) -> None:
        paid = stage.pay("a")

        assert (paid.credits, paid.available, paid.was_replayed) == (50, 9_950, False)
        assert stage.balance() == 9_950
        event = stage.event(paid)
        assert (event.user, event.credits, event.uncollected, event.refunded) == (stage.owner, 50, 0, 0)
        assert (event.occurred_at, event.written_at) == (NOW, NOW)

    def test_answers_come_in_the_order_of_the_uses(self, stage: Stage, globex: Organization) -> None:
        answers = stage.meter(
            stage.use("a"),
            charlies("a"),
            stage.use("b", organization="nowhere"),
            stage.use("c", "chat", measures=Measures(model="small", input_tokens=10, output_tokens=2)),
            stage.use("d", "no-such-feature"),
            charlies("b"),
        )

        assert kinds(answers) == ["paid", "paid", "not_found", "paid", "invalid", "paid"]
        assert [(a.credits, a.available) for a in answers if isinstance(a, Metered)] == [
            (50, 9_950),
            (50, 950),
            (60, 9_890),
            (50, 900),
        ]

    def test_a_small_use_still_fits_after_a_large_one_was_refused(self, stage: Stage) -> None:
        answers = stage.meter(
            stage.use("a", "enrich", measures=Measures(quantity=9_990)),
            stage.use("b"),
            stage.use("c", "query", measures=Measures(credits=10)),
        )

        assert kinds(answers) == ["paid", "insufficient_credits", "paid"]
        refused = answers[1]
        assert isinstance(refused, uses.Insufficient)
        assert (refused.organization, refused.needed, refused.available, refused.reserved) == ("acme", 50, 10, 0)

    @pytest.mark.parametrize(
        ("field", "bad"),
        [
            ("user", {"user": "nobody@example.com"}),
            ("user", {"user": ""}),
            ("user", {"user": "usr_doesnotexist"}),
            ("feature", {"feature": "nothing"}),
            ("credits", {"feature": "query"}),
            ("credits", {"feature": "query", "measures": Measures(credits=51)}),
            ("credits", {"measures": Measures(credits=50)}),
            ("quantity", {"measures": Measures(quantity=1)}),
            ("quantity", {"feature": "enrich", "measures": Measures(quantity=-1)}),
            ("quantity", {"feature": "enrich", "measures": Measures(quantity=2**64)}),
            ("credits", {"feature": "query", "measures": Measures(credits=10**30)}),
            ("input_tokens", {"feature": "chat", "measures": Measures(model="small", output_tokens=1)}),
            ("model", {"feature": "chat", "measures": Measures(input_tokens=1, output_tokens=1)}),
            ("model", {"feature": "chat", "measures": Measures(model="huge", input_tokens=1, output_tokens=1)}),
            ("model", {"measures": Measures(model="m" * 101)}),
            ("model", {"measures": Measures(model="small\0")}),
            ("input_tokens", {"measures": Measures(input_tokens=-1)}),
            ("output_tokens", {"measures": Measures(output_tokens=10**30)}),
            ("service", {"service": "s" * 101}),
            ("service", {"service": ""}),
            ("service", {"service": "a\0b"}),
            ("service", {"service": "\ud800"}),
            ("user", {"user": "alice\0@example.com"}),
            ("organization", {"organization": "ac\0me"}),
            ("feature", {"feature": "rep\0ort"}),
            ("key", {"key": ""}),
            ("key", {"key": "k" * 201}),
            ("key", {"key": "a\0b"}),
            ("resource", {"resource": {"project": "a\0b"}}),
            ("resource", {"resource": {"project": "\ud800"}}),
            ("resource", {"resource": {"share": float("nan")}}),
            ("via", {"via": "v" * 151}),
            ("occurred_at", {"occurred_at": NOW.replace(tzinfo=None)}),
            ("occurred_at", {"occurred_at": datetime(1, 1, 1, tzinfo=UTC), "any_age": True}),
            ("occurred_at", {"occurred_at": NOW + timedelta(minutes=5, microseconds=1)}),
            ("occurred_at", {"occurred_at": NOW - timedelta(days=35, microseconds=1)}),
        ],
    )
    def test_a_use_that_makes_no_sense_names_its_field_and_harms_no_neighbour(
        self, stage: Stage, field: str, bad: dict[str, object]
    ) -> None:
        senseless = stage.use(**{"key": "b", **bad})  # type: ignore[arg-type]

        answers = stage.meter(stage.use("a"), senseless, stage.use("c"))

        assert kinds(answers) == ["paid", "invalid", "paid"]
        assert isinstance(answers[1], uses.Invalid)
        assert answers[1].field == field
        assert stage.balance() == 9_900

    def test_a_free_use_is_an_event_and_an_operation_without_entries(self, stage: Stage) -> None:
        price(stage.program, "hello", pricing="fixed", credits=0)
        entries = Entry.objects.count()

        paid = stage.pay("a", "hello")

        assert (paid.credits, paid.available) == (0, 10_000)
        operation = Operation.objects.get(pk=paid.event_id)
        assert (operation.credits, operation.number) == (0, operation.first_number - 1)
        assert Entry.objects.count() == entries
        assert stage.event(paid).credits == 0
        assert stage.pay("a", "hello").was_replayed

    def test_what_it_was_for_is_kept(self, stage: Stage) -> None:
        resource = {"project": "Frühjahr „2026“ {\\u0000}", "session": 7}

        paid = stage.pay("a", resource=resource, via="product server")

        operation = Operation.objects.get(pk=paid.event_id)
        assert operation.resource == resource
        assert (operation.actor_id, operation.actor_label, operation.feature) == (
            stage.owner.pk,
            "product server",
            "report",
        )

    def test_tokens_may_be_named_for_a_use_that_is_not_priced_by_them(self, stage: Stage) -> None:
        paid = stage.pay("a", measures=Measures(model="large", input_tokens=7, output_tokens=8))

        event = stage.event(paid)
        assert (event.model, event.input_tokens, event.output_tokens, event.credits) == ("large", 7, 8, 50)

    def test_the_number_of_statements_does_not_grow_with_the_number_of_uses(
        self, stage: Stage, globex: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        execute = statements.execute

        def counted(sql: str, parameters: list[object]) -> object:
            sent.append(sql)
            return execute(sql, parameters)

        def listen(run: Callable[..., object], sql: str, *rest: object) -> object:
            sent.append(sql)
            return run(sql, *rest)

        for module in ("sql.statements", "credits.ledger.rows", "usage.metering.rows", "usage.limits.rows"):
            monkeypatch.setattr(f"{module}.execute", counted)
        with connection.execute_wrapper(listen):
            (alone,) = stage.meter(stage.use("one", "enrich", service="first", measures=Measures(quantity=1)))
            statements_of_one, sent[:] = len(sent), []
            many = [
                stage.use(f"many {n}", "enrich", service=f"s{n % 50}", measures=Measures(quantity=n % 3))
                for n in range(499)
            ]
            answers = stage.meter(*many, charlies("many"))

        assert isinstance(alone, Metered)
        assert kinds(answers) == ["paid"] * 500
        assert len(sent) == statements_of_one
        assert statements_of_one < 30


class TestReplays:
    def test_the_same_content_is_answered_as_it_was_then_and_takes_nothing(self, stage: Stage) -> None:
        first = stage.pay("a")
        stage.pay("b")
        before = row_counts()

        again = stage.pay("a", now=NOW + DAY)

        assert again == Metered(first.event_id, 50, 9_950, was_replayed=True)
        assert row_counts() == before
        assert stage.balance() == 9_900

    @pytest.mark.parametrize(
        "other",
        [
            {"feature": "query", "measures": Measures(credits=50)},
            {"user": None},
            {"service": "other"},
            {"measures": Measures(model="small")},
            {"resource": {"project": "x"}},
            {"occurred_at": NOW},
        ],
    )
    def test_other_content_under_the_same_key_is_refused(self, stage: Stage, other: dict[str, object]) -> None:
        stage.pay("a")
        before = row_counts()

        with pytest.raises(uses.Conflict):
            stage.pay("a", **other)  # type: ignore[arg-type]

        assert row_counts() == before

    def test_the_order_of_a_resources_fields_is_no_other_content(self, stage: Stage) -> None:
        stage.pay("a", resource={"project": "x", "session": "y"})

        assert stage.pay("a", resource={"session": "y", "project": "x"}).was_replayed

    def test_the_same_instant_in_another_zone_is_the_same_content(self, stage: Stage) -> None:
        stage.pay("a", occurred_at=NOW)

        elsewhere = NOW.astimezone(timezone.get_fixed_timezone(540))
        assert stage.pay("a", occurred_at=elsewhere).was_replayed

    def test_a_key_used_twice_in_one_batch_pays_once(self, stage: Stage) -> None:
        answers = stage.meter(stage.use("a"), stage.use("a"), stage.use("a", service="other"), stage.use("a"))

        assert kinds(answers) == ["paid", "paid", "idempotency_conflict", "paid"]
        assert [a.was_replayed for a in answers if isinstance(a, Metered)] == [False, True, True]
        assert len({a.event_id for a in answers if isinstance(a, Metered)}) == 1
        assert stage.balance() == 9_950

    def test_a_refused_use_has_not_used_up_its_key(self, stage: Stage) -> None:
        with pytest.raises(uses.Invalid):
            stage.pay("a", "query", measures=Measures(credits=51))

        assert not stage.pay("a", "query", measures=Measures(credits=50)).was_replayed

    def test_keys_of_two_organizations_are_apart(self, stage: Stage, globex: Organization) -> None:
        mine, theirs = stage.meter(stage.use("a"), charlies("a"))

        assert isinstance(mine, Metered)
        assert isinstance(theirs, Metered)
        assert mine.event_id != theirs.event_id

    def test_a_replay_still_works_when_everything_has_changed_meanwhile(self, stage: Stage) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        first = stage.pay("a", user=bob.email)
        remove_member(organization=stage.organization, user=bob, actor=stage.owner)
        price(stage.program, "report", pricing="fixed", credits=70, effective_at=NOW + MINUTE)
        Service.objects.update(is_ai_on=False)
        limits.set_limit(organization=stage.organization, credits=0, actor=stage.owner, now=NOW + MINUTE)

        again = stage.pay("a", user=bob.email, now=NOW + DAY)

        assert again == Metered(first.event_id, 50, 9_950, was_replayed=True)

    def test_a_replay_still_works_when_nothing_is_left(self, stage: Stage) -> None:
        first = stage.pay("a", "enrich", measures=Measures(quantity=10_000))

        assert stage.pay("a", "enrich", measures=Measures(quantity=10_000)).event_id == first.event_id


class TestWhoAndWhere:
    def test_an_unknown_organization_and_one_out_of_reach_answer_alike(
        self, stage: Stage, globex: Organization
    ) -> None:
        unknown, foreign, own = stage.meter(
            stage.use("a", organization="nowhere", within=stage.organization.pk),
            stage.use("a", organization="globex", within=stage.organization.pk),
            stage.use("a", within=stage.organization.pk),
        )

        assert kinds([unknown, foreign, own]) == ["not_found", "not_found", "paid"]
        assert (type(unknown), str(unknown)) == (type(foreign), str(foreign))

    def test_a_closed_organization_is_not_found(self, stage: Stage) -> None:
        Organization.objects.update(closed_at=NOW)

        with pytest.raises(uses.NotFound):
            stage.pay("a")

    def test_an_organization_without_a_wallet_is_not_found(self, stage: Stage) -> None:
        factories.organization(factories.person("Dora"), slug="empty")

        with pytest.raises(uses.NotFound):
            stage.pay("a", organization="empty", user=None)

    def test_a_member_is_named_by_mail_in_any_case_or_by_public_id(self, stage: Stage) -> None:
        for number, named in enumerate(["alice@example.com", "ALICE@Example.COM", stage.owner.public_id]):
            assert stage.event(stage.pay(f"{number}", user=named)).user == stage.owner

    def test_a_use_may_be_nobodys(self, stage: Stage) -> None:
        assert stage.event(stage.pay("a", user=None)).user is None

    def test_someone_elses_member_is_refused(self, stage: Stage, globex: Organization) -> None:
        for named in ("charlie@example.com", globex.memberships.get().user.public_id):
            with pytest.raises(uses.Invalid, match="no such member"):
                stage.pay("a", user=named)

    def test_a_removed_member_is_refused(self, stage: Stage) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        stage.pay("a", user=bob.email)
        remove_member(organization=stage.organization, user=bob, actor=stage.owner)

        with pytest.raises(uses.Invalid, match="no such member"):
            stage.pay("b", user=bob.email)

    def test_an_inactive_member_is_refused(self, stage: Stage) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        bob.is_active = False
        bob.save()

        with pytest.raises(uses.Invalid, match="no such member"):
            stage.pay("a", user=bob.email)

    def test_an_event_keeps_the_team_that_its_user_was_in(self, stage: Stage) -> None:
        team = factories.team(stage.organization)
        bob = factories.person("Bob")
        membership = factories.member(stage.organization, bob, team=team)
        before = stage.pay("a", user=bob.email)
        membership.team = None
        membership.save()
        after = stage.pay("b", user=bob.email)

        assert stage.event(before).team == team
        assert stage.event(after).team is None
