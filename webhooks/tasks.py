"""Background work: a nudge by Celery, and jobs of the schedule, which say what they did.

Each calls one function, holds no logic, and may run twice or at once.
"""

from celery import shared_task

from webhooks import delivery


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def deliver() -> None:
    """Send what is due to endpoints that work."""
    delivery.deliver_due(skips_failing=True)


def deliver_due() -> dict[str, int]:
    """Send what is due."""
    return {"sent": delivery.deliver_due()}


def forget_tries() -> dict[str, int]:
    """Delete the log of tries that is older than 90 days."""
    return {"forgotten": delivery.prune()}
