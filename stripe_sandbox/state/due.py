"""What happens by itself later: a noun registers its tasks, the account remembers which are due when."""

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
    """Run every task whose time has come, oldest first, and those that they bring about; how many ran.

    The clock stands at each task's own time while it runs, so that a jump over months lives them in order.
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
