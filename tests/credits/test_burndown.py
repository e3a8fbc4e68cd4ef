"""The burn-down, law by law, and as properties over any blocks."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credits import burndown

NOW = datetime(2026, 2, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
MIDDLE = UUID(int=50)


@dataclass(frozen=True)
class Block:
    """A block that differs from another only by the rules."""

    id: UUID = MIDDLE
    priority: int = 50
    effective_at: datetime = NOW - HOUR
    expires_at: datetime | None = None
    created_at: datetime = NOW - HOUR
    is_free: bool = False
    is_frozen: bool = False
    features: frozenset[str] | None = None
    free: int = 10


PLAIN = Block()
# Each law with a block that it puts first, though every later law would put it last.
LATER_LAWS_SPEAK_AGAINST = [
    ("priority", {"priority": 49}, {"expires_at": NOW + HOUR}),
    ("expiry", {"expires_at": NOW + HOUR}, {"is_free": True}),
    ("free before paid", {"is_free": True}, {"effective_at": NOW - 2 * HOUR}),
    ("effective", {"effective_at": NOW - 2 * HOUR}, {"created_at": NOW - 2 * HOUR}),
    ("creation", {"created_at": NOW - 2 * HOUR}, {"id": UUID(int=1)}),
]


def first_of(*blocks: Block) -> Block:
    return burndown.in_order(blocks, at=NOW)[0]


class TestOrder:
    @pytest.mark.parametrize(("favoured", "against"), [law[1:] for law in LATER_LAWS_SPEAK_AGAINST])
    def test_an_earlier_law_outweighs_the_next(self, favoured: dict[str, object], against: dict[str, object]) -> None:
        one, other = replace(PLAIN, **favoured), replace(PLAIN, **against)  # type: ignore[arg-type]
        assert first_of(one, other) == first_of(other, one) == one

    @pytest.mark.parametrize(("favoured", "_"), [law[1:] for law in LATER_LAWS_SPEAK_AGAINST])
    def test_a_law_decides_where_all_earlier_ones_are_silent(self, favoured: dict[str, object], _: object) -> None:
        one = replace(PLAIN, id=UUID(int=99), **favoured)  # type: ignore[arg-type]
        assert first_of(PLAIN, one) == one

    def test_a_lower_priority_is_used_first_from_0_to_100(self) -> None:
        blocks = [replace(PLAIN, priority=priority) for priority in (100, 50, 0, 10)]
        assert [block.priority for block in burndown.in_order(blocks, at=NOW)] == [0, 10, 50, 100]

    def test_the_earliest_expiry_is_used_first_and_never_comes_last(self) -> None:
        expiries = [None, NOW + 2 * HOUR, datetime.max.replace(tzinfo=UTC) - HOUR, NOW + HOUR]
        blocks = [replace(PLAIN, expires_at=expires_at) for expires_at in expiries]
        ordered = [block.expires_at for block in burndown.in_order(blocks, at=NOW)]
        assert ordered == [NOW + HOUR, NOW + 2 * HOUR, datetime.max.replace(tzinfo=UTC) - HOUR, None]

    def test_the_lower_id_is_used_first_where_nothing_else_differs(self) -> None:
        assert first_of(PLAIN, replace(PLAIN, id=UUID(int=49))).id == UUID(int=49)


class TestSpendable:
    def test_from_its_first_instant_on(self) -> None:
        begins = replace(PLAIN, effective_at=NOW)
        assert burndown.is_spendable(begins, at=NOW)
        assert not burndown.is_spendable(begins, at=NOW - MICROSECOND)

    def test_up_to_but_not_at_its_expiry(self) -> None:
        ends = replace(PLAIN, expires_at=NOW)
        assert burndown.is_spendable(ends, at=NOW - MICROSECOND)
        assert not burndown.is_spendable(ends, at=NOW)

    def test_not_while_frozen(self) -> None:
        assert not burndown.is_spendable(replace(PLAIN, is_frozen=True), at=NOW)

    def test_nothing_that_is_used_up_is_in_the_order(self) -> None:
        assert burndown.in_order([replace(PLAIN, free=0)], at=NOW) == []


class TestDraw:
    def test_it_takes_from_one_after_the_other(self) -> None:
        one, two, three = (replace(PLAIN, id=UUID(int=n)) for n in (1, 2, 3))
        assert burndown.draw([one, two, three], credits=15, feature="chat") == ([(one, 10), (two, 5)], 0)

    def test_it_says_what_is_missing(self) -> None:
        assert burndown.draw([PLAIN], credits=25, feature="chat") == ([(PLAIN, 10)], 15)

    def test_nothing_is_drawn_for_nothing(self) -> None:
        assert burndown.draw([PLAIN], credits=0, feature="chat") == ([], 0)

    def test_it_passes_over_blocks_for_other_features(self) -> None:
        other = replace(PLAIN, features=frozenset({"report"}))
        own = replace(PLAIN, features=frozenset({"report", "chat"}))
        assert burndown.draw([other, own], credits=5, feature="chat") == ([(own, 5)], 0)
        assert burndown.draw([other], credits=5, feature="chat") == ([], 5)

    def test_a_feature_is_its_whole_name(self) -> None:
        assert not burndown.allows(replace(PLAIN, features=frozenset({"chatter"})), "chat")


instants = st.integers(-3, 3).map(lambda hours: NOW + hours * HOUR)
some_block = st.builds(
    Block,
    id=st.integers(0, 10**9).map(lambda number: UUID(int=number)),
    priority=st.sampled_from([0, 50, 100]),
    effective_at=instants,
    expires_at=st.none() | instants,
    created_at=instants,
    is_free=st.booleans(),
    is_frozen=st.booleans(),
    features=st.sampled_from([None, frozenset({"chat"}), frozenset({"report"})]),
    free=st.integers(0, 10),
)
blocks = st.lists(some_block, unique_by=lambda block: block.id)


class TestProperties:
    @given(blocks, st.integers(0, 60))
    def test_draws_add_up_and_never_exceed_what_is_free(self, given_blocks: list[Block], credits: int) -> None:
        ordered = burndown.in_order(given_blocks, at=NOW)
        draws, missing = burndown.draw(ordered, credits=credits, feature="chat")
        assert sum(taken for _, taken in draws) + missing == credits
        assert all(0 < taken <= block.free for block, taken in draws)
        assert missing == max(0, credits - sum(block.free for block in ordered if burndown.allows(block, "chat")))

    @given(blocks, st.integers(0, 60))
    def test_all_but_the_last_drawn_are_used_up_and_none_is_skipped(
        self, given_blocks: list[Block], credits: int
    ) -> None:
        ordered = burndown.in_order(given_blocks, at=NOW)
        draws, _ = burndown.draw(ordered, credits=credits, feature="chat")
        fitting = [block for block in ordered if burndown.allows(block, "chat")]
        assert [block for block, _ in draws] == fitting[: len(draws)]
        assert all(taken == block.free for block, taken in draws[:-1])

    @given(blocks.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
    def test_the_order_in_which_blocks_are_given_does_not_matter(self, pair: tuple[list[Block], list[Block]]) -> None:
        given_blocks, shuffled = pair
        assert burndown.in_order(given_blocks, at=NOW) == burndown.in_order(shuffled, at=NOW)

    @given(blocks)
    def test_what_is_in_the_order_is_spendable_and_nothing_spendable_is_left_out(
        self, given_blocks: list[Block]
    ) -> None:
        ordered = burndown.in_order(given_blocks, at=NOW)
        spendable = [
            block
            for block in given_blocks
            if block.free > 0
            and not block.is_frozen
            and block.effective_at <= NOW
            and (block.expires_at is None or block.expires_at > NOW)
        ]
        assert sorted(ordered, key=lambda block: block.id) == sorted(spendable, key=lambda block: block.id)
