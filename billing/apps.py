from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        """Listen to the rooms below."""
        from billing.receivers import on_balance_changed  # noqa: PLC0415 - models must be there first
        from credits.signals import balance_changed  # noqa: PLC0415

        balance_changed.connect(on_balance_changed, dispatch_uid="auto_recharge")
