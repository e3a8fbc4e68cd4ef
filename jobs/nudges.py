"""The hurry: telling a background job about work that is already a row somewhere, so that it starts at once.

A nudge may be lost without harm, because a sweep finds the row. So it never fails and hardly ever waits: while the
broker is silent nobody asks it again for some seconds.
"""

import logging
import time
from typing import Any, Protocol

from celery.exceptions import CeleryError
from django.db import transaction
from kombu.exceptions import KombuError

logger = logging.getLogger(__name__)

# How long a silent broker is left alone, in each process.
REST_SECONDS = 10
_silent_until = 0.0


class Task(Protocol):
    """What Celery makes of a function."""

    name: str

    def apply_async(self, args: tuple[Any, ...], *, retry: bool, **options: Any) -> Any: ...


def nudge_after_commit(task: Task, *args: str | int) -> None:
    """Nudge once the open transaction is committed, or now where none is open. Nothing happens if it rolls back."""
    transaction.on_commit(lambda: nudge(task, *args), robust=True)


def nudge(task: Task, *args: str | int, **options: int) -> bool:
    """Ask for a task to be run; return whether the broker took it. options: Celery's, such as time limits.

    Never raises; waits about a second at most, and only where the broker is silent.
    """
    global _silent_until  # noqa: PLW0603 - one memory for the process is the point
    if time.monotonic() < _silent_until:
        return False
    try:
        task.apply_async(args, retry=False, **options)
    except (CeleryError, KombuError, OSError) as error:
        _silent_until = time.monotonic() + REST_SECONDS
        logger.warning("No nudge for %s: %s. Its sweep will do the work.", task.name, type(error).__name__)
        return False
    return True
