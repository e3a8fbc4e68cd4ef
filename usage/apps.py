from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"

    def ready(self) -> None:
        """Declare this room's events, and act on the ledger's."""
        from credits.ledger.thresholds.events import EMPTIED  # noqa: PLC0415 - models must be there first
        from domain_events.registry import declare  # noqa: PLC0415
        from domain_events.subscribers import subscribe  # noqa: PLC0415
        from usage.limits import events  # noqa: PLC0415
        from usage.services.ai_switch import turn_off_at_zero  # noqa: PLC0415

        declare(*events.EVENTS)
        subscribe(EMPTIED, turn_off_at_zero)
