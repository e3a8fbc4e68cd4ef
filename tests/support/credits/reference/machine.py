"""The stateful property test's machine: Hypothesis chooses the acts, their times and their company; `twin` compares.

New wallets for every example; small numbers, so that boundaries are met often. No test lives here.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from credits.models import Program
from tests.support.credits.reference.twin import Act, Twin, perform

BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FEATURES = ("chat", "report")
PLAIN = {"priority": 50, "cost_minor": 0, "features": None}

amounts = st.integers(1, 12)
# Which of the known things an act is about: 0 is the latest, most often.
picks = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 5])
features = st.sampled_from(FEATURES)
pauses = st.sampled_from([0, 0, 0, 1, 30]).map(lambda seconds: timedelta(seconds=seconds))
periods = st.sampled_from([1, 10, 60, 600]).map(lambda seconds: timedelta(seconds=seconds))
terms = st.fixed_dictionaries(
    {
        "begins": st.sampled_from([0, 0, 0, -5, 20, 20]).map(lambda seconds: timedelta(seconds=seconds)),
        "lasts": st.one_of(st.none(), periods),
        "priority": st.sampled_from([50, 50, 10, 90]),
        "cost_minor": st.sampled_from([0, 0, 100]),
        "features": st.sampled_from([None, None, None, frozenset({"chat"}), frozenset(FEATURES)]),
    }
)
# An act is planned as a function of the twin that it will be done on.
Plan = Callable[[Twin], Act]
grants: st.SearchStrategy[Plan] = st.builds(
    lambda credits, given: lambda twin: twin.grant(credits, **given), st.integers(1, 20), terms
)
spends: st.SearchStrategy[Plan] = st.builds(
    lambda credits, feature: lambda twin: twin.spend(credits, feature), st.integers(0, 12), features
)
reserves: st.SearchStrategy[Plan] = st.builds(
    lambda credits, feature, seconds: lambda twin: twin.reserve(credits, feature, seconds),
    amounts,
    features,
    st.sampled_from([None, None, 1, 20, 100]),
)
settlements: st.SearchStrategy[Plan] = st.builds(
    lambda pick, credits: lambda twin: twin.settle(pick, credits), picks, st.integers(0, 20)
)
returns: st.SearchStrategy[Plan] = st.builds(
    lambda pick, credits: lambda twin: twin.give_back(pick, credits), picks, st.integers(1, 5)
)
voids: st.SearchStrategy[Plan] = st.builds(
    lambda pick, credits, rest: lambda twin: twin.void(pick, credits, rest_as_debt=rest),
    picks,
    st.one_of(st.none(), st.integers(1, 5)),
    st.booleans(),
)
reinstatements: st.SearchStrategy[Plan] = st.builds(
    lambda pick, credits: lambda twin: twin.reinstate(pick, credits), picks, st.integers(1, 5)
)
releases: st.SearchStrategy[Plan] = st.builds(lambda pick: lambda twin: twin.release(pick), picks)
freezes: st.SearchStrategy[Plan] = st.builds(
    lambda pick, frozen: lambda twin: twin.freeze(pick, frozen=frozen), picks, st.sampled_from([True, False, False])
)
repeats: st.SearchStrategy[Plan] = st.builds(
    lambda pick, more: lambda twin: twin.ask_again(pick, more), st.integers(0, 50), st.sampled_from([0, 0, 1])
)
KINDS = [grants, spends, reserves, settlements, returns, voids, reinstatements, releases, freezes, repeats]
# The more often an act is named, the more often it is chosen.
plans = st.sampled_from(
    [grants] * 4
    + [spends] * 4
    + [reserves] * 4
    + [settlements] * 4
    + [returns] * 4
    + [voids, reinstatements, releases, freezes, repeats]
).flatmap(lambda chosen: chosen)


class Ledger(RuleBasedStateMachine):
    """One to three wallets, driven through every verb, alone and in company, through time."""

    programs: ClassVar[list[Program]] = []
    steps: ClassVar[int] = 0
    # Whether the latest act left ledger and reference the same; once they differ, the end has nothing to add.
    is_same = False

    @initialize(terms=st.lists(picks, min_size=1, max_size=3))
    def open_wallets(self, terms: list[int]) -> None:
        self.clock = BEGINNING
        self.twins = [Twin.open(self.programs[pick % len(self.programs)], BEGINNING) for pick in terms]
        for twin in self.twins:
            self._perform([twin.grant(20, begins=timedelta(0), lasts=None, **PLAIN)], is_caught=False)

    def _perform(self, acts: list[Act], *, is_caught: bool, clock: datetime | None = None) -> None:
        self.is_same = False
        perform(self.twins, acts, clock=clock or self.clock, is_caught=is_caught)
        self.is_same = True
        type(self).steps += 1

    @rule(pick=picks, plan=plans, pause=pauses)
    def act(self, pick: int, plan: Plan, pause: timedelta) -> None:
        self.clock += pause
        self._perform([plan(self.twins[pick % len(self.twins)])], is_caught=False)

    @rule(planned=st.lists(st.tuples(picks, plans), min_size=2, max_size=4), is_caught=st.booleans())
    def act_in_company(self, planned: list[tuple[int, Plan]], is_caught: bool) -> None:
        self._perform([plan(self.twins[pick % len(self.twins)]) for pick, plan in planned], is_caught=is_caught)

    @rule(pick=picks, planned=st.sampled_from(KINDS).flatmap(lambda kind: st.lists(kind, min_size=2, max_size=3)))
    def act_alike_in_company(self, pick: int, planned: list[Plan]) -> None:
        twin = self.twins[pick % len(self.twins)]
        self._perform([plan(twin) for plan in planned], is_caught=True)

    @rule(pick=picks, plan=plans, off=st.sampled_from([-1, 0, 0, 1]))
    def act_at_a_boundary(self, pick: int, plan: Plan, off: int) -> None:
        twin = self.twins[pick % len(self.twins)]
        coming = [instant for instant in twin.instants() if instant > self.clock]
        if coming:
            self.clock = max(self.clock, coming[0] + off * MICROSECOND)
        self._perform([plan(twin)], is_caught=True)

    @rule(pick=picks, plan=plans, back=st.sampled_from([1, 1, 60, 61]))
    def act_by_a_clock_set_back(self, pick: int, plan: Plan, back: int) -> None:
        twin = self.twins[pick % len(self.twins)]
        self._perform([plan(twin)], is_caught=True, clock=self.clock - timedelta(seconds=back))

    def teardown(self) -> None:
        if self.is_same:
            for twin in self.twins:
                twin.check_end()
            # Here, and not at the end for all examples at once, which took longer than a statement may.
            connection.check_constraints()


def run(programs: list[Program], *, examples: int, number: int = 0, steps: int = 50, shrinks: bool = True) -> int:
    """Drive the machine; return the number of steps taken. Raises what the first (shrunk) difference raised.

    number: which stories are told; the same number tells the same ones again.
    """
    machine = seed(number)(type("Machine", (Ledger,), {"programs": programs, "steps": 0}))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if shrinks else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    with connection.cursor() as cursor:
        # The tables were empty when they were last counted, so the planner would read all of them for every step.
        cursor.execute("SET LOCAL enable_seqscan = off")
    run_state_machine_as_test(machine, settings=chosen)
    return int(vars(machine)["steps"])
