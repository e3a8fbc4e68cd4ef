"""Background work of notices: a nudge by Celery, and a job of the schedule, which says what it did.

Each calls one function, holds no logic, and may run twice or at once.
"""

from celery import shared_task

from notices import delivery


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def send_mails() -> None:
    """Send the mails that were owed a moment ago."""
    delivery.send_due()


def send_due_mails() -> dict[str, int]:
    """Send the mails whose turn it is."""
    return dict(delivery.send_due())
