from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        """Listen to the rooms below, and tell the API what it can't know."""
        from billing.api_plan import plan_of  # noqa: PLC0415 - models must be there first
        from billing.receivers import on_balance_changed  # noqa: PLC0415
        from credits.signals import balance_changed  # noqa: PLC0415
        from usage.api import plans  # noqa: PLC0415

        balance_changed.connect(on_balance_changed, dispatch_uid="auto_recharge")
        plans.told_by(plan_of)
