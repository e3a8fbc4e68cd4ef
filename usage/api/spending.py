"""Single spends on their way to the meter, combined with those that arrive at the same time.

Keys are checked, uses metered and the transaction committed once for all of them. They share one database connection
per process, however many threads serve requests: its prepared statements stay warm, and the database has few backends.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from django.db import DatabaseError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from credits.ledger import ClockSteppedBack
from sql.statements import run
from usage.api import keys
from usage.api.batching import Batcher, NoAnswer, TooManyWait
from usage.api.problems import ApiError, from_refusal, unavailable
from usage.metering import meter
from usage.uses import Metered, Use, UseRefusal

logger = logging.getLogger(__name__)

# A connection that was idle for longer is tested before it is used for spends.
TRUSTED_SECONDS = 1.0
# After a wallet has blocked a whole batch for the normal time-out, each spend waits no longer than this.
SHORT_LOCK_TIMEOUT = "100ms"
# The driver prepares a statement by itself after so many runs: never. Those that ask for it are prepared at once.
ONLY_WHEN_ASKED = 1_000_000
# Plans are replaced so often: one made for an empty table would read all rows of a wallet that has grown.
PLANS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Spend:
    """A use and the API key that pays for it; `use.within` and `use.via` are taken from the key."""

    token: str
    use: Use


Outcome: TypeAlias = Metered | Exception


def pay(spend: Spend) -> Metered:
    """Pay for one use. Inside a transaction of the caller it is metered there, by itself.

    Raises ApiError: what the key and the meter refuse, 429 if too many wait, 503 after a database fault.
    """
    try:
        if connection.in_atomic_block:
            (outcome,) = meter_together([spend])
        else:
            outcome = _batcher.submit(spend)
    except TooManyWait:
        raise ApiError("too_many_requests", "Too many spends are waiting.", headers={"Retry-After": "1"}) from None
    except NoAnswer:
        raise unavailable() from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def meter_together(spends: Sequence[Spend]) -> list[Outcome]:
    """Check the keys and meter the uses; each is answered by itself, in order. Raises Django's database errors."""
    known = keys.recognize({spend.token for spend in spends})
    outcomes: list[Outcome | None] = [None] * len(spends)
    positions, uses = [], []
    for position, spend in enumerate(spends):
        key = known.get(spend.token)
        refused = keys.refuse_spending(key)
        if key is None or refused is not None:
            outcomes[position] = refused
        else:
            positions.append(position)
            uses.append(replace(spend.use, within=key.organization_id, via=key.name))
    for position, answer in zip(positions, meter.meter(uses), strict=True):
        outcomes[position] = from_refusal(answer) if isinstance(answer, UseRefusal) else answer
    return [outcome for outcome in outcomes if outcome is not None]


def run_batch(spends: Sequence[Spend]) -> list[Outcome]:
    """Meter spends together on the process's connection; after a fault that wrote nothing, once more, one by one."""
    with _shared_connection():
        try:
            _renew_plans()
            return meter_together(spends)
        except Exception as error:  # whatever it is, it must not fail the other spends of the batch
            _log(error)
            if len(spends) == 1 or not wrote_nothing(error):
                return [_outcome(error) for _ in spends]
        try:
            with _short_lock_timeout():
                return _one_by_one(spends)
        except DatabaseError as error:
            _log(error)
            return [_outcome(error) for _ in spends]


def _one_by_one(spends: Sequence[Spend]) -> list[Outcome]:
    """Meter spends one by one, so that only those with a fault fail. A wallet that is still blocked is tried once."""
    outcomes: list[Outcome] = []
    blocked: set[str] = set()
    for spend in spends:
        if spend.use.organization in blocked:
            outcomes.append(unavailable())
            continue
        try:
            outcomes += meter_together([spend])
        except Exception as error:  # as above
            _log(error)
            outcomes.append(_outcome(error))
            if isinstance(error, OperationalError):
                blocked.add(spend.use.organization)
    return outcomes


def wrote_nothing(error: Exception) -> bool:
    """Return whether a failed batch was surely rolled back: the server said so, and the connection still works."""
    if not isinstance(error, DatabaseError):
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    return state is not None and not state.startswith(("08", "57P"))


def _outcome(error: Exception) -> Exception:
    """Return the answer to a caller after a fault; each caller gets an exception of its own."""
    return unavailable() if isinstance(error, DatabaseError | ClockSteppedBack) else error


def _log(error: Exception) -> None:
    # The type and the database's code only: messages may quote rows.
    state = getattr(error.__cause__, "sqlstate", None)
    logger.warning("Spends failed: %s %s", type(error).__name__, state or "")


_connection_of_spends: BaseDatabaseWrapper | None = None
_trusted_until = 0.0
_plans_until = 0.0


@contextmanager
def _shared_connection() -> Iterator[None]:
    """Run the block's statements on the process's connection for spends. Only the batcher's leader does this."""
    global _connection_of_spends, _trusted_until  # noqa: PLW0603 - one per process is the point
    own = connections["default"]
    if _connection_of_spends is None:
        _connection_of_spends = _new_connection()
    shared = _connection_of_spends
    if time.monotonic() > _trusted_until:
        shared.close_if_unusable_or_obsolete()
        # Now and not with Django's first cursor: statements that run before it would fail on a broken connection.
        shared.close_if_health_check_failed()
    connections["default"] = shared
    try:
        yield
    finally:
        connections["default"] = own
        # After an error it is tested before it is used again.
        _trusted_until = 0.0 if shared.errors_occurred else time.monotonic() + TRUSTED_SECONDS


def _new_connection() -> BaseDatabaseWrapper:
    """Return a connection that keeps the plans of its statements, which Django's others don't.

    Planning took the database most of its time for a lone spend. A plan that is kept must suit one spend and many, so
    rows are found by index, whatever the tables' size.
    """
    made = connections.create_connection("default")
    options: dict[str, Any] = made.settings_dict["OPTIONS"]
    asked = f"{options.get('options', '')} -c enable_seqscan=off"
    made.settings_dict = {
        **made.settings_dict,
        "OPTIONS": {**options, "prepare_threshold": ONLY_WHEN_ASKED, "options": asked},
    }
    made.inc_thread_sharing()
    return made


def _renew_plans() -> None:
    global _plans_until  # noqa: PLW0603 - goes with the connection
    if time.monotonic() > _plans_until:
        run("DISCARD PLANS", [])
        _plans_until = time.monotonic() + PLANS_SECONDS


@contextmanager
def _short_lock_timeout() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{SHORT_LOCK_TIMEOUT}'")
    try:
        yield
    finally:
        # On a broken connection there is nothing to reset.
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def close_connection() -> None:
    """Close the process's connection for spends; the next spend opens it again."""
    if _connection_of_spends is not None:
        _connection_of_spends.close()


_batcher: Batcher[Spend, Outcome] = Batcher(run_batch)
