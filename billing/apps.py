from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        """Listen to the rooms below, and tell the API what it can't know."""
        from billing.plans.api import plan_of  # noqa: PLC0415 - receivers register when the app is ready
        from billing.receivers import on_balance_changed  # noqa: PLC0415
        from credits.signals import balance_changed  # noqa: PLC0415
        from usage.api import plans  # noqa: PLC0415

        balance_changed.connect(on_balance_changed, dispatch_uid="auto_recharge")
        plans.told_by(plan_of)
