from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"

    def ready(self) -> None:
        """Declare the ledger's events."""
        from credits.ledger.thresholds import events  # noqa: PLC0415 - models must be there first
        from domain_events.registry import declare  # noqa: PLC0415

        declare(*events.EVENTS)
