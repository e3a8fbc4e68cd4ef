from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        """Declare this room's events, and act on the ledger's."""
        from billing.dashboard.events import GRANT_EXPIRING  # noqa: PLC0415 - models must be there first
        from billing.purchases.events import PURCHASE_PAID  # noqa: PLC0415
        from billing.recharge.events import RECHARGE_FAILED  # noqa: PLC0415
        from billing.tasks import nudge_recharge  # noqa: PLC0415
        from credits.ledger.thresholds.events import FELL_BELOW_WATCH  # noqa: PLC0415
        from domain_events.registry import declare  # noqa: PLC0415
        from domain_events.subscribers import subscribe  # noqa: PLC0415

        declare(PURCHASE_PAID, RECHARGE_FAILED, GRANT_EXPIRING)
        subscribe(FELL_BELOW_WATCH, nudge_recharge)
