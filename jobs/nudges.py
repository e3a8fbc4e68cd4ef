"""Nudges: they make a task work on a row at once, instead of at the next sweep.

A lost nudge does no harm, because the sweep finds the row. So a nudge never fails and hardly waits: after an error the
broker is not called again for some seconds.
"""

import logging
import time
from typing import Any, Protocol

from celery.exceptions import CeleryError
from django.db import transaction
from kombu.exceptions import KombuError

logger = logging.getLogger(__name__)

# How long a process doesn't call the broker after an error.
REST_SECONDS = 10
_silent_until = 0.0


class Task(Protocol):
    """A Celery task, as far as it is used here."""

    name: str

    def apply_async(self, args: tuple[Any, ...], *, retry: bool, **options: Any) -> Any: ...


def nudge_after_commit(task: Task, *args: str | int) -> None:
    """Nudge after the open transaction commits, or now if there is none. If it rolls back, nothing happens."""
    transaction.on_commit(lambda: nudge(task, *args), robust=True)


def nudge(task: Task, *args: str | int, **options: int) -> bool:
    """Enqueue a task; return whether the broker took it. options: Celery's, such as time limits.

    Never raises. Waits a second at most, and only if the broker doesn't answer.
    """
    global _silent_until  # noqa: PLW0603 - one memory for the process is the point
    if time.monotonic() < _silent_until:
        return False
    try:
        task.apply_async(args, retry=False, **options)
    except (CeleryError, KombuError, OSError) as error:
        _silent_until = time.monotonic() + REST_SECONDS
        logger.warning("Could not enqueue %s: %s. The sweep will do its work.", task.name, type(error).__name__)
        return False
    return True
