from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"

    def ready(self) -> None:
        """Listen to the ledger."""
        from credits.signals import depleted  # noqa: PLC0415 - models must be there first
        from usage.receivers import on_depleted  # noqa: PLC0415

        depleted.connect(on_depleted, dispatch_uid="ai_off_at_zero")
