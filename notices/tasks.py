"""Background work of notices: a nudge by Celery, and a job of the schedule, which says what it did.

Each calls one function and may run twice or at once. Nudges leave a mail server that can't be reached to the job: many
may come at once, and each would hold a worker for as long as the server is waited for.
"""

import logging
import time

from celery import shared_task

from notices import delivery

logger = logging.getLogger(__name__)

# How long nudges leave a server alone that could not be reached, in each process.
REST_SECONDS = 60
_down_until = 0.0


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def send_mails() -> None:
    """Send the mails that are due. Never fails because of the mail server."""
    global _down_until  # noqa: PLW0603 - one memory for the process is the point
    if time.monotonic() < _down_until:
        return
    try:
        delivery.send_due()
    except delivery.MailServerDown as error:
        _down_until = time.monotonic() + REST_SECONDS
        logger.warning("The mail server can't be reached (%s). The job will send what is due.", error)


def send_due_mails() -> dict[str, int]:
    """Send the mails whose turn it is."""
    return dict(delivery.send_due())
