"""Background jobs of the money: each calls one function, holds no logic, and may run twice or at once."""

from celery import shared_task

from billing import stripe_events


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def process_stripe_event(event_id: int) -> None:
    """Work off an event of Stripe's."""
    stripe_events.process(event_id)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def process_stripe_events() -> None:
    """Work off the events whose turn it is."""
    stripe_events.process_due()
