"""Tasks for later: nouns register them, and the account keeps which are due when."""

from collections.abc import Callable

from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.state.account import Account

Task = Callable[[Account, Thing], None]
TASKS: dict[str, Task] = {}


def task(name: str) -> Callable[[Task], Task]:
    """Register the function for a task's name."""

    def register(function: Task) -> Task:
        TASKS[name] = function
        return function

    return register


def run_due(account: Account) -> int:
    """Run every due task, oldest first, and the tasks that they schedule; returns how many ran.

    While a task runs the clock shows its own time, so that a jump over months runs them in order.
    """
    done = 0
    target = account.now()
    offset = account.notes["clock_offset"]
    account.notes["request"] = None
    try:
        while waiting := [each for each in account.notes["due"] if each[0] <= target]:
            chosen = min(waiting, key=lambda each: each[0])
            account.notes["due"].remove(chosen)
            at, name, identifier = chosen
            thing = account.find(identifier)
            if thing is not None:
                account.notes["clock_offset"] = offset - (target - at)
                TASKS[name](account, thing)
                done += 1
    finally:
        account.notes["clock_offset"] = offset
    return done
